# A live relay as Python sees it: its handle, its traffic, its ending.


cdef class RelayHandle:
    """One live relay as its owner holds it; see gateway.io.wire.Relay."""

    cdef Engine engine
    cdef Relay* relay           # NULL: over
    cdef object last            # Traffic, once over
    cdef object ordered         # Farewell of `close`
    cdef list probes            # [(answer, timer)]

    def close(self, client, worker):
        if self.relay == NULL or self.relay.state >= DECIDED:
            return
        self.ordered = Farewell(client=Close(*client) if client is not None else None, worker=Close(*worker) if worker is not None else None)
        decide(&self.engine.core, self.relay, ORDERED, NULL)
        self.engine.kick()

    def abort(self):
        cdef Relay* r = self.relay
        if r == NULL:
            return
        if self.ordered is None:
            self.ordered = Farewell()
        decide(&self.engine.core, r, ORDERED, NULL)
        shut_side(&self.engine.core, r.client, True)
        shut_side(&self.engine.core, r.worker, True)
        self.engine.kick()

    def probe(self, double within_seconds, answer):
        cdef Core* core = &self.engine.core
        if self.relay == NULL or self.relay.state >= DECIDED:
            self.engine.loop.call_soon(answer, False)
            return
        core.now = monotonic()
        self.relay.probing = True
        timer = self.engine.loop.call_later(within_seconds, self._give_up, answer)
        self.probes = [*(self.probes or ()), (answer, timer)]
        want_ping(core, self.relay)

    def _give_up(self, answer):
        self.probes = [probe for probe in self.probes or () if probe[0] is not answer]
        answer(False)

    cdef answer_probes(self, bint alive):
        probes = self.probes
        self.probes = None
        if self.relay != NULL:
            self.relay.probing = False
        for answer, timer in probes or ():
            timer.cancel()
            self.engine.loop.call_soon(answer, alive)

    def traffic(self):
        return traffic_of(self.relay) if self.relay != NULL else self.last

    def set_session_bytes(self, limit_bytes):
        if self.relay != NULL:
            self.relay.bounds.session_bytes = limit_bytes


cdef object traffic_of(Relay* r):
    cdef Walk* c = &r.client.walk
    cdef Walk* w = &r.worker.walk
    return Traffic(c.bytes_passed, w.bytes_passed, c.messages, w.messages)


cdef object side_of(Relay* r, Conn* c):
    if c == NULL:
        return None
    return Side.CLIENT if c == r.client else Side.WORKER


cdef object ending_of(Relay* r):
    cdef Conn* first = r.first_closer
    return Ending(
        cause=CAUSES[r.cause],
        by=side_of(r, r.by),
        close_code=first.walk.close_code or None if first != NULL else None,
        close_seen=first != NULL,
        client_at_boundary=r.worker.walk.remaining == 0,
        traffic=traffic_of(r),
    )
