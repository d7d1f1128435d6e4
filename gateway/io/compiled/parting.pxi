# How a relay parts: what each side is told, when, and that it is read to its end.


cdef void part_side(Core* core, Conn* c, Conn* source, const char* frame, size_t size) noexcept nogil:
    """Says farewell to one side at its frame boundary, or waits for it as long as the source can still bring it."""
    cdef Relay* r = c.relay
    cdef bint is_silent = r.cause == SILENT and source == r.client
    c.finishing = True
    if c.fd < 0 or size == 0 or c.deaf or source.walk.close_seen:
        return
    if source.walk.remaining == 0:
        put(core, c, <const uint8_t*>frame, size)
    elif source.fd >= 0 and not source.ended and not is_silent:
        c.tail = <char*>malloc(size)
        if c.tail != NULL:
            memcpy(c.tail, frame, size)
            c.tail_len = <uint32_t>size


cdef void part_from(Core* core, Conn* c) noexcept nogil:
    """Lets what a side holds go out, and reads it to its end."""
    if c.fd < 0:
        return
    finish_if_written(core, c)
    if c.fd >= 0 and not (other(c).tail_len and other(c).out_len):
        resume(core, c)


cdef void part(Core* core, Relay* r, const char* to_client, size_t client_size, const char* to_worker, size_t worker_size) noexcept nogil:
    """Says the farewells."""
    r.state = PARTING
    r.decided_at = core.now
    part_side(core, r.client, r.worker, to_client, client_size)
    part_side(core, r.worker, r.client, to_worker, worker_size)
    part_from(core, r.client)
    part_from(core, r.worker)
    if r.client.fd < 0 and r.worker.fd < 0 and r.state == PARTING:
        r.state = OVER
        tell(core, r, GONE)
