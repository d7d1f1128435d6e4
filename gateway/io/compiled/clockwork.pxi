# What time does to relays: pings, silence, idleness, slow clients, lingering ends. One scan for all of them.


cdef double earliest(double due, bint counts, double at) noexcept nogil:
    return min(due, at) if counts else due


cdef void check_open(Core* core, Relay* r) noexcept nogil:
    cdef Conn* c = r.client
    cdef Conn* w = r.worker
    cdef double now = core.now
    if r.state == CLOSING and now >= r.began_closing_at + r.linger:
        decide(core, r, CLOSED, r.first_closer)
    elif c.hung and now >= c.hung_at + r.linger:
        came_to_end(core, c, True)
    elif w.hung and now >= w.hung_at + r.linger:
        came_to_end(core, w, True)
    elif r.slow > 0 and c.out_len and now >= c.taken_at + r.slow:
        decide(core, r, SLOW, c)
    elif r.idle > 0 and now >= r.data_at + r.idle:
        decide(core, r, IDLE, NULL)
    elif r.pinged_at > 0 and c.heard_at >= r.pinged_at:
        r.pinged_at = 0
    elif r.pinged_at > 0 and now >= r.pinged_at + r.pong_within and not c.paused and not c.out_len:
        give_up_silent(core, r)
    elif r.ping_every > 0 and r.pinged_at == 0 and now >= c.heard_at + r.ping_every and not c.paused:
        want_ping(core, r)


cdef void give_up_silent(Core* core, Relay* r) noexcept nogil:
    """A client that still drains what the kernel holds for it has not seen the ping yet: it gets more time."""
    cdef int left = unacknowledged(r.client)
    if left == 0 or left >= r.unacknowledged:
        decide(core, r, SILENT, r.client)
        return
    r.unacknowledged = left
    r.pinged_at = core.now


cdef void want_ping(Core* core, Relay* r) noexcept nogil:
    """Pings the client at the next frame boundary of what the worker sends: now, mostly."""
    if walk_closed(&r.worker.walk):
        return
    if r.worker.walk.remaining:
        r.wants_ping = True
    else:
        put_ping(core, r)


cdef double next_due(Relay* r) noexcept nogil:
    cdef double due = FOREVER
    cdef Conn* c = r.client
    due = earliest(due, r.state == CLOSING, r.began_closing_at + r.linger)
    due = earliest(due, c.hung, c.hung_at + r.linger)
    due = earliest(due, r.worker.hung, r.worker.hung_at + r.linger)
    due = earliest(due, r.slow > 0 and c.out_len, c.taken_at + r.slow)
    due = earliest(due, r.idle > 0, r.data_at + r.idle)
    due = earliest(due, r.pinged_at > 0, r.pinged_at + r.pong_within)
    return earliest(due, r.ping_every > 0 and r.pinged_at == 0, c.heard_at + r.ping_every)


cdef void check_parting_side(Core* core, Relay* r, Conn* c) noexcept nogil:
    cdef double patience = r.linger if r.cause == SLOW or r.cause == SILENT else max(r.linger, r.slow)
    if c.fd < 0:
        return
    if c.shut:
        if core.now >= c.shut_at + r.linger:
            shut_side(core, c, False)
        return
    if c.tail_len and core.now >= r.decided_at + r.linger:
        c.tail_len = 0
        finish_if_written(core, c)
    elif c.out_len and core.now >= r.decided_at + patience:
        shut_side(core, c, True)


cdef void scan(Core* core) noexcept nogil:
    cdef Relay* r = core.live
    core.now = monotonic()
    while r != NULL:
        if r.state == PARTING:
            check_parting_side(core, r, r.client)
            check_parting_side(core, r, r.worker)
        elif r.due <= core.now and r.state < DECIDED:
            check_open(core, r)
            r.due = next_due(r)
        r = r.next
