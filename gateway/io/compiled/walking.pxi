# The walk of walk.pxd as a Python object with the interface of gateway.frames.Walk: for the test that compares the two.


cdef Bounds bounds_of(limits, const uint8_t* tag) except *:
    cdef Bounds bounds
    bounds.frame_bytes = limits.frame_bytes
    bounds.message_bytes = limits.message_bytes
    bounds.session_bytes = limits.session_bytes
    bounds.used_bytes = 0
    bounds.rate = limits.messages_per_second
    bounds.burst = limits.message_burst
    bounds.tag = tag
    return bounds


cdef class CompiledWalk:
    """One direction; `tag` is what the gateway's own pings begin with."""

    cdef Walk walk
    cdef Bounds bounds
    cdef bytes tag

    def __init__(self, side, limits, bytes tag not None):
        self.tag = tag
        self.bounds = bounds_of(limits, <const uint8_t*><char*>tag)
        walk_start(&self.walk, side is Side.CLIENT, &self.bounds)

    def feed(self, bytes data not None, double now):
        cdef size_t size = len(data)
        cdef uint8_t* read = <uint8_t*>malloc(HEAD_ROOM + size)
        cdef uint8_t* out
        if read == NULL:
            raise MemoryError
        memcpy(read + HEAD_ROOM, <char*>data, size)
        size = walk_feed(&self.walk, &self.bounds, read + HEAD_ROOM, size, &out, now)
        try:
            return (<char*>out)[:size]
        finally:
            free(read)

    @property
    def fault(self):
        return None if self.walk.fault == PASSES else CAUSES[self.walk.fault]

    @property
    def at_boundary(self):
        return self.walk.remaining == 0

    @property
    def closed(self):
        return walk_closed(&self.walk)

    @property
    def close_seen(self):
        return bool(self.walk.close_seen)

    @property
    def close_code(self):
        return self.walk.close_code or None

    @property
    def boundary(self):
        return self.walk.boundary

    @property
    def bytes_passed(self):
        return self.walk.bytes_passed

    @property
    def messages(self):
        return self.walk.messages
