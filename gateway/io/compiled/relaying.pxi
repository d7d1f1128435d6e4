# The established relay: what one readable or writable descriptor leads to. Runs without the GIL; what an owner has to
# hear goes into the core's queue. An end has two steps: `decide` (the owner is asked for its farewell), `part` (it is said).


cdef inline Conn* other(Conn* c) noexcept nogil:
    return c.relay.worker if c == c.relay.client else c.relay.client


cdef void tell(Core* core, Relay* r, uint8_t news) noexcept nogil:
    if r.news == 0:
        r.queue_next = core.queue
        core.queue = r
    r.news |= news


cdef void rearm(Core* core, Conn* c) noexcept nogil:
    cdef uint32_t events = 0
    if c.hung:
        arm(core, c, ABSENT)
        return
    if not c.ended:
        events = EPOLLRDHUP if c.paused else EPOLLIN
    if c.write_wants_read:
        events |= EPOLLIN
    if (c.out_len and not c.write_wants_read) or c.read_wants_write:
        events |= EPOLLOUT
    arm(core, c, events)


cdef bound(Relay* r, limits, const uint8_t* tag):
    r.ping_every = limits.ping_every_seconds
    r.pong_within = limits.pong_within_seconds
    r.idle = limits.idle_seconds
    r.slow = limits.slow_client_seconds
    r.linger = limits.linger_seconds
    r.buffer_bytes = min(max(limits.buffer_bytes, 1), 1 << 30)
    r.bounds = bounds_of(limits, tag)


cdef void decide(Core* core, Relay* r, int cause, Conn* by) noexcept nogil:
    """The end is certain; the owner hears of it once the batch is through."""
    if r.state >= DECIDED:
        return
    if r.first_closer != NULL and cause != ORDERED:
        cause = CLOSED
        by = r.first_closer
    r.state = DECIDED
    r.wants_ping = False
    r.cause = cause
    r.by = by
    tell(core, r, END)


cdef void shut_side(Core* core, Conn* c, bint reset) noexcept nogil:
    cdef Relay* r = c.relay
    conn_close(core, c, reset)
    if r.state == PARTING and r.client.fd < 0 and r.worker.fd < 0:
        r.state = OVER
        tell(core, r, GONE)


cdef void finish_if_written(Core* core, Conn* c) noexcept nogil:
    """Half-closes a side that has been told everything, closes it when its peer is done too."""
    if c.fd < 0 or not c.finishing or c.out_len or c.tail_len:
        return
    if not c.shut:
        half_close(c)
        c.shut_at = core.now
    if c.ended or c.deaf:
        shut_side(core, c, False)
    else:
        rearm(core, c)


cdef void go_deaf(Conn* c) noexcept nogil:
    """A write failed. What the peer sent before is still to be read; the end of it follows."""
    c.deaf = True
    drop_out(c)
    shutdown(c.fd, SHUT_RDWR)


cdef void put(Core* core, Conn* c, const uint8_t* data, size_t size) noexcept nogil:
    """Writes to one side; holds what it does not take and stops reading the other beyond `buffer_bytes`."""
    cdef ssize_t taken
    cdef Conn* source
    if size == 0 or c.deaf or c.fd < 0:
        return
    if c.out_len == 0:
        taken = conn_write(c, <const char*>data, size)
        if taken == <ssize_t>size:
            return
        if taken == BROKEN:
            go_deaf(c)
            return
        if taken > 0:
            data += taken
            size -= taken
        c.taken_at = core.now
        c.relay.due = 0
    if not hold(c, <const char*>data, size):
        go_deaf(c)
        return
    source = other(c)
    if not source.paused and c.out_len >= c.relay.buffer_bytes:
        source.paused = True
        rearm(core, source)
    rearm(core, c)


cdef int unacknowledged(Conn* c) noexcept nogil:
    """Bytes in the kernel that the peer's has not confirmed."""
    cdef int bytes_queued = 0
    if c.fd >= 0:
        ioctl(c.fd, SIOCOUTQ, &bytes_queued)
    return bytes_queued


cdef void put_ping(Core* core, Relay* r) noexcept nogil:
    cdef uint8_t frame[18]
    cdef int i
    r.wants_ping = False
    r.pings += 1
    frame[0] = 0x89
    frame[1] = PING_BYTES
    memcpy(frame + 2, core.tag, TAG_BYTES)
    for i in range(8):
        frame[10 + i] = (r.pings >> (56 - 8 * i)) & 0xFF
    r.pinged_at = core.now
    r.due = 0
    put(core, r.client, frame, 18)
    r.unacknowledged = unacknowledged(r.client)


cdef void pass_on(Core* core, Conn* c, Conn* to, const uint8_t* data, size_t size) noexcept nogil:
    """Forwards what the walk of `c` let through; a ping, or a farewell that waits, goes in at its last boundary."""
    cdef Relay* r = c.relay
    cdef size_t cut
    if c.walk.boundary < 0 or not (to.tail_len or (r.wants_ping and to == r.client)):
        put(core, to, data, size)
        return
    cut = c.walk.boundary
    put(core, to, data, cut)
    if to.tail_len:
        put(core, to, <uint8_t*>to.tail, to.tail_len)
        to.tail_len = 0
        finish_if_written(core, to)
        return
    put_ping(core, r)
    put(core, to, data + cut, size - cut)


cdef void saw_close(Core* core, Conn* c, Conn* to) noexcept nogil:
    cdef Relay* r = c.relay
    if r.first_closer == NULL:
        r.first_closer = c
        r.state = CLOSING
        r.began_closing_at = core.now
        r.due = 0
    if walk_closed(&to.walk) or to.ended:
        decide(core, r, CLOSED, r.first_closer)


cdef void take(Core* core, Conn* c, uint8_t* data, size_t size) noexcept nogil:
    """Bytes that `c` sent. HEAD_ROOM bytes before `data` may be written."""
    cdef Relay* r = c.relay
    cdef Conn* to = other(c)
    cdef uint64_t messages = c.walk.messages
    cdef bint was_closed = walk_closed(&c.walk)
    cdef uint8_t* out
    cdef size_t passed
    if r.state == PARTING and not to.tail_len:
        return
    passed = walk_feed(&c.walk, &r.bounds, data, size, &out, core.now)
    if c.walk.messages != messages:
        r.data_at = core.now
    pass_on(core, c, to, out, passed)
    if r.state >= DECIDED:
        return
    if c.walk.fault != PASSES:
        decide(core, r, c.walk.fault, NULL if c.walk.fault == BYTES else c)
    elif not was_closed and walk_closed(&c.walk):
        saw_close(core, c, to)


cdef void came_to_end(Core* core, Conn* c, bint reset) noexcept nogil:
    """`c` sent its FIN or was reset."""
    cdef Relay* r = c.relay
    cdef Conn* to = other(c)
    c.ended = True
    if reset:
        c.deaf = True
        drop_out(c)
    if r.state < DECIDED:
        decide(core, r, ENDED, c)
        rearm(core, c)
        if reset:
            conn_close(core, c, False)
        return
    if to.tail_len:             # the boundary will never come
        to.tail_len = 0
        finish_if_written(core, to)
    if reset or c.shut:
        shut_side(core, c, False)
    else:
        rearm(core, c)


cdef void pump(Core* core, Conn* c) noexcept nogil:
    """Reads one side once, or as long as TLS holds more than the epoll knows."""
    cdef Relay* r = c.relay
    cdef ssize_t n
    cdef int turns
    for turns in range(MOST_TURNS):
        n = conn_read(c, core.read, core.read_bytes)
        if n == AGAIN:
            if c.read_wants_write:
                rearm(core, c)
            return
        if n <= 0:
            came_to_end(core, c, n == BROKEN)
            return
        c.heard_at = core.now
        if r.probing and c == r.client:
            tell(core, r, HEARD)
        take(core, c, core.read, n)
        if c.fd < 0 or c.paused or r.state == DECIDED or not (n == <ssize_t>core.read_bytes or has_more(c)):
            return
    if has_more(c):
        tell(core, r, FRESH)


cdef void pump_buffered(Core* core, Relay* r) noexcept nogil:
    """Reads what the epoll does not see: bytes from before the relay began, or held by TLS."""
    if has_more(r.client) and not r.client.paused and not r.client.ended:
        pump(core, r.client)
    if r.state < DECIDED and has_more(r.worker) and not r.worker.paused and not r.worker.ended:
        pump(core, r.worker)


cdef void resume(Core* core, Conn* c) noexcept nogil:
    """Reads a side again that was paused."""
    c.paused = False
    c.hung = False
    if c.fd < 0 or c.ended:
        return
    rearm(core, c)
    if has_more(c):
        pump(core, c)


cdef void flush(Core* core, Conn* c) noexcept nogil:
    """Writes what is held. A failed write only makes a side deaf: what it sent before is still to be read."""
    cdef Relay* r = c.relay
    cdef Conn* source = other(c)
    cdef ssize_t n = write_held(c)
    if n == BROKEN:
        go_deaf(c)
    elif n > 0:
        c.taken_at = core.now
    if c.out_len == 0:
        rearm(core, c)
        finish_if_written(core, c)
        if source.paused and r.state != OVER:
            resume(core, source)


cdef void hang(Core* core, Conn* c) noexcept nogil:
    """The peer of a paused side went. What it sent is read when the other side has taken the rest, or the linger is over."""
    c.hung = True
    c.hung_at = core.now
    c.relay.due = 0
    arm(core, c, ABSENT)


cdef void serve(Core* core, Conn* c, uint32_t events) noexcept nogil:
    """One event of the epoll."""
    if c.fd < 0 or c.relay.state == DECIDED:
        return
    if c.out_len and (events & (EPOLLOUT | EPOLLERR | EPOLLHUP) or c.write_wants_read):
        flush(core, c)
    if c.fd < 0 or c.relay.state == DECIDED:
        return
    if c.ended:
        if events & (EPOLLERR | EPOLLHUP):
            c.deaf = True
            drop_out(c)
            if c.relay.state == PARTING:
                c.finishing = True
                c.tail_len = 0
                finish_if_written(core, c)
    elif c.paused:
        if events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP):
            hang(core, c)
    elif events & (EPOLLIN | EPOLLERR | EPOLLHUP) or c.read_wants_write:
        pump(core, c)
    if c.ssl != NULL and not c.ended:
        rearm(core, c)
