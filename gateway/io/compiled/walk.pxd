# The frame walk of gateway/frames.py in C: same decisions, byte for byte. A property test holds the two together.
from libc.stdint cimport UINT64_MAX, int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove

cdef enum:
    HEAD_ROOM = 32          # bytes free before what was read, so that held bytes can be put in front
    TAG_BYTES = 8
    PING_BYTES = 16
    SMALL_FRAGMENT_BYTES = 1024

cdef enum Verdict:          # order of gateway.relay.Cause
    PASSES = -1
    CLOSED
    ENDED
    PROTOCOL
    TOO_BIG
    RATE
    BYTES
    SLOW
    IDLE
    SILENT
    ORDERED

cdef struct Bounds:         # of one relay, shared by its two walks; 0 turns a bound off
    uint64_t frame_bytes
    uint64_t message_bytes
    uint64_t session_bytes
    uint64_t used_bytes
    double rate
    double burst
    const uint8_t* tag

cdef struct Walk:
    uint64_t remaining      # payload bytes of the current frame still to pass
    uint64_t message_bytes  # of the current message's fragments so far
    uint64_t bytes_passed
    uint64_t messages
    double tokens
    double refilled_at
    int64_t boundary        # offset of the last frame boundary in what may pass, -1: none
    uint16_t close_code     # 0: none
    uint8_t held_len
    uint8_t held[22]
    bint is_client
    bint in_message
    bint own_pong
    bint close_seen
    int fault               # Verdict


cdef inline void walk_start(Walk* w, bint is_client, Bounds* bounds) noexcept nogil:
    w.is_client = is_client
    w.tokens = bounds.burst
    w.fault = PASSES


cdef inline bint walk_closed(Walk* w) noexcept nogil:
    return w.close_seen and w.remaining == 0


cdef inline bint is_sendable(unsigned code) noexcept nogil:
    if 3000 <= code < 5000:
        return True
    return 1000 <= code < 1015 and not 1004 <= code <= 1006


cdef inline bint is_legal(Walk* w, uint8_t first, uint8_t second) noexcept nogil:
    cdef uint8_t opcode = first & 15, length = second & 127
    if ((second & 0x80) != 0) != w.is_client or first & 0x30:
        return False
    if first & 0x40 and opcode != 1 and opcode != 2:
        return False
    if opcode == 0:
        return w.in_message
    if opcode <= 2:
        return not w.in_message
    if opcode < 8 or opcode > 10:
        return False
    return first & 0x80 and length <= 125 and not (opcode == 8 and length == 1)


cdef inline bint has_token(Walk* w, Bounds* bounds, double now) noexcept nogil:
    if bounds.rate <= 0:
        return True
    w.tokens = min(bounds.burst, w.tokens + (now - w.refilled_at) * bounds.rate)
    w.refilled_at = now
    if w.tokens < 1:
        return False
    w.tokens -= 1
    return True


cdef inline int judge(Walk* w, Bounds* bounds, uint8_t opcode, uint64_t length, const uint8_t* body) noexcept nogil:
    cdef uint8_t plain[8]
    cdef int i
    if opcode < 8:
        if bounds.frame_bytes and length > bounds.frame_bytes:
            return TOO_BIG
        if bounds.message_bytes and length > bounds.message_bytes - min(w.message_bytes, bounds.message_bytes):
            return TOO_BIG
        return PASSES
    if opcode == 8 and length:
        for i in range(2):
            plain[i] = body[i] ^ (body[i - 4] if w.is_client else 0)
        w.close_code = plain[0] << 8 | plain[1]
        if not is_sendable(w.close_code):
            w.close_code = 0
            return PROTOCOL
    elif opcode == 10 and length == PING_BYTES and w.is_client:
        for i in range(TAG_BYTES):
            plain[i] = body[i] ^ body[(i & 3) - 4]
        w.own_pong = memcmp(plain, bounds.tag, TAG_BYTES) == 0
    return PASSES


cdef inline bint takes_token(uint8_t first, uint64_t size) noexcept nogil:
    cdef uint8_t opcode = first & 15
    if first == 0:
        return size < SMALL_FRAGMENT_BYTES
    return opcode != 0 and opcode != 8


cdef inline int charge(Walk* w, Bounds* bounds, uint8_t first, uint64_t size, double now) noexcept nogil:
    cdef uint64_t left = bounds.session_bytes - min(bounds.used_bytes, bounds.session_bytes)
    if bounds.session_bytes and size > left and first & 15 != 8:
        return BYTES
    if w.is_client and takes_token(first, size) and not has_token(w, bounds, now):
        return RATE
    bounds.used_bytes += min(size, UINT64_MAX - bounds.used_bytes)
    return PASSES


cdef inline uint64_t admit(Walk* w, Bounds* bounds, const uint8_t* data, size_t size, double now) noexcept nogil:
    """Size of the frame at `data`; 0 when more bytes are needed to judge it, or with `fault` set."""
    cdef uint8_t opcode
    cdef uint64_t length
    cdef size_t i, extended, header, peeked
    w.own_pong = False
    if size < 2:
        return 0
    if not is_legal(w, data[0], data[1]):
        w.fault = PROTOCOL
        return 0
    opcode = data[0] & 15
    length = data[1] & 127
    extended = 2 if length == 126 else 8 if length == 127 else 0
    header = 2 + extended + (4 if w.is_client else 0)
    peeked = 0
    if opcode == 8:
        peeked = 2 if length else 0
    elif opcode == 10 and length == PING_BYTES and w.is_client:
        peeked = PING_BYTES
    if size < header + peeked:
        return 0
    if extended:
        length = 0
        for i in range(extended):
            length = length << 8 | data[2 + i]
        if length < <uint64_t>(126 if extended == 2 else 65536) or length >> 63:
            w.fault = PROTOCOL
            return 0
    w.fault = judge(w, bounds, opcode, length, data + header)
    if w.fault == PASSES and not w.own_pong:
        w.fault = charge(w, bounds, data[0], header + length, now)
    if w.fault != PASSES:
        return 0
    if opcode >= 8:
        w.close_seen = opcode == 8
    elif data[0] & 0x80:
        w.in_message = False
        w.message_bytes = 0
        w.messages += 1
    else:
        w.in_message = True
        w.message_bytes += length
    return header + length


cdef inline size_t walk_feed(Walk* w, Bounds* bounds, uint8_t* read, size_t size, uint8_t** out, double now) noexcept nogil:
    """How many bytes from `out` on may pass. `read` has HEAD_ROOM bytes before it that may be written."""
    cdef uint8_t* data = read - w.held_len
    cdef uint64_t end, frame, swallowed = 0
    out[0] = data
    if w.fault != PASSES or walk_closed(w):
        w.boundary = 0
        return 0
    if size < w.remaining:
        w.remaining -= size
        w.boundary = -1
        w.bytes_passed += size
        return size
    if w.held_len:
        memcpy(data, w.held, w.held_len)
        size += w.held_len
        w.held_len = 0
    end = w.remaining
    w.boundary = end
    w.remaining = 0
    while end < size and not w.close_seen:
        frame = admit(w, bounds, data + end, size - end, now)
        if frame == 0:
            break
        if w.own_pong:
            swallowed += frame
            end += frame
            continue
        if swallowed:           # what passes closes up, each byte moved once
            memmove(data + end - swallowed, data + end, min(frame, size - end))
        end += frame
        if end > size:
            w.remaining = end - size
            end = size
            break
        w.boundary = end - swallowed
    if w.fault == PASSES and not w.close_seen and end < size:
        w.held_len = size - end
        memcpy(w.held, data + end, w.held_len)
    end -= swallowed
    w.bytes_passed += end
    return end
