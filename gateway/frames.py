"""Walks one direction of a WebSocket stream: frame headers are read, payloads only counted (RFC 6455, section 5).

Decides which bytes may pass, whether a frame breaks the protocol or a limit, and where a frame boundary lies, so that
a frame of the gateway's own can be put between two others. Must not know sockets, sessions or what payloads mean.
The compiled wire has the same walk in `gateway/io/compiled/walk.pxd`; a property test holds the two together.
"""

from __future__ import annotations

from typing import Final

from gateway.metering import Meter, counts_as_message
from gateway.relay import Cause, Limits, Side

TAG_BYTES: Final = 8  # random for each engine: what tells the gateway's own pongs from the client's
PING_BYTES: Final = TAG_BYTES + 8  # payload of the gateway's pings: the tag and a counter

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_FIN, _RSV1, _RSV23, _CONTROL, _MASKED = 0x80, 0x40, 0x30, 0x08, 0x80
_LEAST_HEADER_BYTES = 2
_MASK_BYTES = 4
_CODE_BYTES = 2
_EXTENDED_16 = 126
_WHOLE_MESSAGES = frozenset({_FIN | _TEXT, _FIN | _BINARY, _FIN | _RSV1 | _TEXT, _FIN | _RSV1 | _BINARY})
_MOST_CONTROL_BYTES = 125  # section 5.5
_EXTENDED_BYTES = {126: 2, 127: 8}
_LEAST_LENGTH = {2: 126, 8: 1 << 16}  # section 5.2: the minimal number of bytes must be used
_MOST_LENGTH = (1 << 63) - 1  # section 5.2: the most significant bit must be 0
_UNSENDABLE_CODES = frozenset({1004, 1005, 1006, 1015})  # section 7.4.1


def is_sendable(code: int) -> bool:
    """Whether a close frame may carry this code (section 7.4: 1016-2999 are reserved, 3000-4999 free)."""
    return (1000 <= code < 1016 and code not in _UNSENDABLE_CODES) or 3000 <= code < 5000


def close_frame(code: int, reason: bytes, mask: bytes = b"") -> bytes:
    """A close frame: unmasked as a server sends it, or masked with 4 bytes as a client does. Cuts at 123 bytes."""
    payload = code.to_bytes(2, "big") + reason[: _MOST_CONTROL_BYTES - _CODE_BYTES]
    return _control_frame(_CLOSE, payload, mask)


def ping_frame(tag: bytes, counter: int) -> bytes:
    """One of the gateway's own pings, unmasked: its pong is recognised by the tag."""
    return _control_frame(_PING, tag + (counter & (1 << 64) - 1).to_bytes(8, "big"), b"")


def _control_frame(opcode: int, payload: bytes, mask: bytes) -> bytes:
    if not mask:
        return bytes((_FIN | opcode, len(payload))) + payload
    return bytes((_FIN | opcode, _MASKED | len(payload))) + mask + _unmask(payload, mask)


def _unmask(payload: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))


class Walk:
    """The state of one direction; `side` is who sends it.

    After a fault or a close frame nothing more passes. What `feed` holds back (an incomplete header, the first bytes of
    a close frame, an own pong: at most 21 bytes) comes with a later call.
    """

    __slots__ = (
        "_burst",
        "_held",
        "_in_message",
        "_least_header_bytes",
        "_limits",
        "_mask_bit",
        "_message_bytes",
        "_meter",
        "_most_bytes",
        "_own_pong",
        "_rate",
        "_refilled_at",
        "_remaining",
        "_tag",
        "_tokens",
        "boundary",
        "bytes_passed",
        "close_code",
        "close_seen",
        "fault",
        "is_clear",
        "messages",
    )

    def __init__(self, side: Side, limits: Limits, tag: bytes, meter: Meter | None = None) -> None:
        self.fault: Cause | None = None
        self.boundary = 0  # offset of the last frame boundary in what `feed` returned; -1 when it has none
        self.bytes_passed = 0
        self.messages = 0  # data messages, counted at their last frame
        self.is_clear = True  # what passed ends with a whole message, nothing is held, nothing broken or closed
        self.close_seen = False
        self.close_code: int | None = None
        self._limits = limits
        self._rate = max(limits.messages_per_second, 0.0) if side is Side.CLIENT else 0.0
        self._burst = float(limits.message_burst)
        self._tag = tag
        self._meter = meter if meter is not None else Meter(limits.session_bytes)
        self._mask_bit = _MASKED if side is Side.CLIENT else 0  # section 5.1: a client masks, a server does not
        self._least_header_bytes = _LEAST_HEADER_BYTES + (_MASK_BYTES if self._mask_bit else 0)
        self._most_bytes = min(limits.frame_bytes or _MOST_LENGTH, limits.message_bytes or _MOST_LENGTH)
        self._held = b""
        self._remaining = 0
        self._in_message = False
        self._message_bytes = 0
        self._own_pong = False
        self._tokens = self._burst
        self._refilled_at = 0.0

    @property
    def at_boundary(self) -> bool:
        """Whether what passed so far ends with a whole frame."""
        return self._remaining == 0

    @property
    def closed(self) -> bool:
        """Whether a close frame has passed whole: nothing follows it."""
        return self.close_seen and self._remaining == 0

    def feed(self, data: bytes, now: float) -> bytes:
        """Returns what may pass on of `data` and of what was held. `now` in seconds drives the message rate.

        Sets `boundary`, and `fault` at the first frame that may not pass; what came before it passes.
        """
        # Nearly every read is one or more whole messages of one frame each, far from any limit: judged here without a
        # call, 0.35 us in a hot loop and three times that between two system calls. What is different goes to `_frames`.
        if not self.is_clear:
            return self._feed_on(data, now)
        size, least = len(data), self._least_header_bytes
        at = messages = 0
        try:
            while data[at] in _WHOLE_MESSAGES:
                length = data[at + 1] ^ self._mask_bit  # over 127 with the wrong masking
                end = at + length + least
                if length > _MOST_CONTROL_BYTES:
                    length = data[at + 2] << 8 | data[at + 3] if length == _EXTENDED_16 else 0
                    if length <= _MOST_CONTROL_BYTES:
                        break
                    end = at + length + least + 2
                if end > size or length > self._most_bytes:
                    break
                at = end
                messages += 1
                if at == size:
                    break
        except IndexError:  # the header is not whole
            pass
        meter = self._meter
        used_bytes = meter.used_bytes + at
        if used_bytes > meter.limit_bytes > 0 or (self._rate and messages and not self._takes_tokens(messages, now)):
            return self._feed_on(data, now)
        meter.used_bytes = used_bytes
        self.messages += messages
        if at != size:
            return self._frames(data, at, now)
        self.bytes_passed += size
        self.boundary = size
        return data

    def _feed_on(self, data: bytes, now: float) -> bytes:
        if self.fault is not None or self.closed:
            self.boundary = 0
            return b""
        if len(data) < self._remaining:
            self._remaining -= len(data)
            self.boundary = -1
            self.bytes_passed += len(data)
            return data
        return self._frames(self._held + data if self._held else data, self._remaining, now)

    def _frames(self, data: bytes, end: int, now: float) -> bytes:
        """Walks from `end` on: behind the last admitted frame. What lies before it passes."""
        self.boundary = end  # behind the last whole frame
        self._remaining = 0
        self._held = b""
        begin, swallowed = 0, 0
        before: list[bytes] = []  # what passes of the bytes before `begin`: own pongs are cut out in one go
        while end < len(data) and not self.close_seen:
            size = self._admit(data, end, now)
            if size == 0:
                break
            if self._own_pong:
                before.append(data[begin:end])
                begin = end = end + size
                swallowed += size
                continue
            end += size
            if end > len(data):
                self._remaining = end - len(data)
                break
            self.boundary = end - swallowed
        if self.fault is None and not self.close_seen:
            self._held = data[end:]
        self.is_clear = not (self._remaining or self._held or self._in_message or self.close_seen or self.fault)
        passed = b"".join([*before, data[begin:end]]) if before else data[:end]
        self.bytes_passed += len(passed)
        return passed

    def _admit(self, data: bytes, at: int, now: float) -> int:
        """Size of the frame at `at`, header included; 0 when more bytes are needed to judge it, or with `fault` set."""
        self._own_pong = False
        if len(data) - at < _LEAST_HEADER_BYTES:
            return 0
        first, second = data[at], data[at + 1]
        if not self._is_legal(first, second):
            return self._refuse(Cause.PROTOCOL)
        length = second & 0x7F
        extended = _EXTENDED_BYTES.get(length, 0)
        body = at + self._least_header_bytes + extended
        if len(data) < body + self._peeked_bytes(first & 0xF, length):
            return 0
        if extended:
            length = int.from_bytes(data[at + 2 : at + 2 + extended], "big")
            if not _LEAST_LENGTH[extended] <= length <= _MOST_LENGTH:
                return self._refuse(Cause.PROTOCOL)
        mask = data[body - _MASK_BYTES : body] if self._mask_bit else bytes(_MASK_BYTES)
        fault = self._judge(first, length, data[body : body + PING_BYTES], mask)
        if fault is None and not self._own_pong:
            fault = self._charge(first, body - at + length, now)
        if fault is not None:
            return self._refuse(fault)
        self._count(first, length)
        return body - at + length

    def _refuse(self, fault: Cause) -> int:
        self.fault = fault
        return 0

    def _is_legal(self, first: int, second: int) -> bool:
        opcode, length = first & 0xF, second & 0x7F
        if second & _MASKED != self._mask_bit or first & _RSV23:
            return False
        if first & _RSV1 and opcode not in (_TEXT, _BINARY):  # permessage-deflate marks the first fragment, RFC 7692
            return False
        if opcode == _CONTINUATION:
            return self._in_message
        if opcode in (_TEXT, _BINARY):
            return not self._in_message
        if opcode not in (_CLOSE, _PING, _PONG):
            return False
        return bool(first & _FIN) and length <= _MOST_CONTROL_BYTES and (opcode, length) != (_CLOSE, 1)

    def _peeked_bytes(self, opcode: int, length: int) -> int:
        """Payload bytes needed to judge a frame: a close's code, what may be an own pong's tag."""
        if opcode == _CLOSE:
            return min(length, _CODE_BYTES)
        return PING_BYTES if opcode == _PONG and length == PING_BYTES and self._mask_bit else 0

    def _judge(self, first: int, length: int, payload: bytes, mask: bytes) -> Cause | None:
        opcode = first & 0xF
        if not opcode & _CONTROL:
            return self._judge_size(length)
        if opcode == _CLOSE and length:
            self.close_code = int.from_bytes(_unmask(payload[:_CODE_BYTES], mask), "big")
            if not is_sendable(self.close_code):
                self.close_code = None
                return Cause.PROTOCOL
        elif opcode == _PONG and length == PING_BYTES and self._mask_bit:
            self._own_pong = _unmask(payload[:TAG_BYTES], mask) == self._tag
        return None

    def _judge_size(self, length: int) -> Cause | None:
        limits = self._limits
        if limits.frame_bytes and length > limits.frame_bytes:
            return Cause.TOO_BIG
        if limits.message_bytes and self._message_bytes + length > limits.message_bytes:
            return Cause.TOO_BIG
        return None

    def _charge(self, first: int, size_bytes: int, now: float) -> Cause | None:
        """Takes the frame from the session's bytes (a close is never refused) and the client's message rate."""
        opcode = first & 0xF
        if opcode != _CLOSE and not self._meter.has_room(size_bytes):
            return Cause.BYTES
        if self._rate and counts_as_message(first, size_bytes) and not self._takes_tokens(1, now):
            return Cause.RATE
        self._meter.used_bytes += size_bytes
        return None

    def _takes_tokens(self, messages: int, now: float) -> bool:
        tokens = self._tokens + (now - self._refilled_at) * self._rate
        tokens = (tokens if tokens < self._burst else self._burst) - messages
        if tokens < 0:
            return False
        self._tokens, self._refilled_at = tokens, now
        return True

    def _count(self, first: int, length: int) -> None:
        opcode = first & 0xF
        if opcode & _CONTROL:
            self.close_seen = opcode == _CLOSE
            return
        self._in_message = not first & _FIN
        self._message_bytes = self._message_bytes + length if self._in_message else 0
        if first & _FIN:
            self.messages += 1
