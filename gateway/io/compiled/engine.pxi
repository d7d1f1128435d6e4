# The engine: what joins the epoll, the streams and the relays to the loop and to the owners of sessions.


cdef class Engine:
    """See gateway.io.wire.Wire."""

    cdef object __weakref__
    cdef Core core
    cdef object loop
    cdef set listeners
    cdef object timer
    cdef bint is_kicked
    cdef bint is_closed
    cdef readonly str name

    def __cinit__(self, loop):
        cdef bytes tag = os.urandom(TAG_BYTES)
        cdef uint8_t* buffer = <uint8_t*>malloc(HEAD_ROOM + READ_BYTES)
        if buffer == NULL:
            raise MemoryError
        self.core.epoll = -1
        self.core.read = buffer + HEAD_ROOM
        self.core.read_bytes = READ_BYTES
        memcpy(self.core.tag, <char*>tag, TAG_BYTES)
        self.core.epoll = epoll_create1(EPOLL_CLOEXEC)
        if self.core.epoll < 0:
            raise OSError(errno, os.strerror(errno))

    def __init__(self, loop):
        self.name = "compiled"
        self.loop = loop
        self.listeners = set()
        loop.add_reader(self.core.epoll, self._run)

    def __dealloc__(self):
        free(self.core.read - HEAD_ROOM)
        if self.core.epoll >= 0:
            close(self.core.epoll)

    cdef must_be_open(self):
        if self.is_closed:
            raise ConnectionAbortedError("the wire is closed")

    def listen(self, sock, accept):
        self.must_be_open()
        cdef Listener listener = Listener.__new__(Listener)
        listener.engine = self
        listener.sock = sock
        listener.accept = accept
        listener.conn = conn_new(sock.fileno(), LISTENING)
        listener.conn.holder = <PyObject*>listener
        self.listeners.add(listener)
        listener.rearm()
        return listener

    cdef Stream adopt(self, int fd, sockaddr_storage* address):
        cdef Stream stream = Stream.__new__(Stream)
        cdef Conn* c
        try:
            c = conn_new(fd, STREAMING)
        except MemoryError:
            close(fd)
            raise
        stream.engine = self
        stream.conn = c
        c.holder = <PyObject*>stream
        c.next = self.core.streams
        if c.next != NULL:
            c.next.previous = c
        self.core.streams = c
        stream.peer_host = host_of(address)
        stream.peer_port = port_of(address)
        return stream

    async def connect(self, str host, int port):
        cdef Stream stream = self.dial(host, port)
        try:
            if stream.is_connecting:
                await stream.wait(EPOLLOUT)
            stream.connected()
        except BaseException:
            stream.abort()
            raise
        return stream

    cdef Stream dial(self, str host, int port):
        cdef sockaddr_storage address
        cdef socklen_t size
        cdef Stream stream
        cdef int fd
        self.must_be_open()
        size = address_of(host, port, &address)
        fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
        if fd < 0:
            raise OSError(errno, os.strerror(errno))
        stream = self.adopt(fd, &address)
        if connect(fd, <sockaddr*>&address, size) != 0:
            if errno != EINPROGRESS:
                raise OSError(errno, os.strerror(errno))
            stream.is_connecting = not is_writable(fd)  # a worker on this host has answered already
        return stream

    def relay(self, Stream client not None, Stream worker not None, limits, owner):
        cdef Relay* r
        cdef RelayHandle handle
        client.alive()
        worker.alive()
        r = <Relay*>calloc(1, sizeof(Relay))
        if r == NULL:
            raise MemoryError
        self.core.now = monotonic()
        bound(r, limits, self.core.tag)
        r.data_at = self.core.now
        r.client = self.enlist(r, client)
        r.worker = self.enlist(r, worker)
        walk_start(&r.client.walk, True, &r.bounds)
        walk_start(&r.worker.walk, False, &r.bounds)
        r.next = self.core.live
        if r.next != NULL:
            r.next.previous = r
        self.core.live = r
        self.core.live_count += 1
        handle = RelayHandle.__new__(RelayHandle)
        handle.engine = self
        handle.relay = r
        Py_INCREF(handle)
        Py_INCREF(owner)
        r.handle = <PyObject*>handle
        r.owner = <PyObject*>owner
        rearm(&self.core, r.client)
        rearm(&self.core, r.worker)
        if has_more(r.client) or has_more(r.worker):
            tell(&self.core, r, FRESH)
            self.kick()
        if self.timer is None:
            self.timer = self.loop.call_later(SCAN_EVERY, self._scan)
        return handle

    cdef Conn* enlist(self, Relay* r, Stream stream):
        cdef Conn* c = stream.release()
        stream.wake_in_vain()
        c.kind = RELAYED
        c.relay = r
        c.heard_at = c.taken_at = self.core.now
        return c

    def tls(self, certificate, key):
        return Certificate(certificate, key)

    def relays(self):
        return self.core.live_count

    def close(self):
        cdef Relay* r
        if self.is_closed:
            return
        self.is_closed = True
        for listener in list(self.listeners):
            listener.close()
        while self.core.streams != NULL:
            (<Stream>self.core.streams.holder).abort()
        r = self.core.live
        while r != NULL:
            (<RelayHandle>r.handle).abort()
            r = r.next
        if self.core.queue != NULL:
            self.drain()
        if self.timer is not None:
            self.timer.cancel()
        self.loop.remove_reader(self.core.epoll)
        close(self.core.epoll)
        self.core.epoll = -1

    def _run(self):
        """The epoll is readable: one bounded batch, relayed connections first and without the GIL."""
        cdef epoll_event events[MOST_EVENTS]
        cdef int n, i, left = 0
        cdef Conn* c
        with nogil:
            n = epoll_wait(self.core.epoll, events, MOST_EVENTS, 0)
            self.core.now = monotonic()
            self.core.in_batch = True
            for i in range(n):
                c = <Conn*>events[i].data.ptr
                if c.kind == RELAYED:
                    serve(&self.core, c, events[i].events)
                else:
                    events[left] = events[i]
                    left += 1
        for i in range(left):
            self.wake(<Conn*>events[i].data.ptr, events[i].events)
        if self.core.queue != NULL:
            self.drain()
        self.core.in_batch = False
        bury(&self.core)

    cdef wake(self, Conn* c, uint32_t events):
        if c.fd < 0 or c.holder == NULL:
            return
        try:
            if c.kind == LISTENING:
                (<Listener>c.holder).woken()
            else:
                (<Stream>c.holder).woken(events)
        except Exception as error:
            self.complain("accepting a connection" if c.kind == LISTENING else "waking a connection", error)

    cdef complain(self, str doing, error):
        self.loop.call_exception_handler({"message": f"wire: {doing} failed", "exception": error})

    def _scan(self):
        """Once in SCAN_EVERY while relays live."""
        self.timer = None
        with nogil:
            self.core.in_batch = True
            scan(&self.core)
        self.drain()
        self.core.in_batch = False
        bury(&self.core)
        if self.core.live_count and not self.is_closed:
            self.timer = self.loop.call_later(SCAN_EVERY, self._scan)

    cdef kick(self):
        if not self.is_kicked and not self.is_closed:
            self.is_kicked = True
            self.loop.call_soon(self._kicked)

    def _kicked(self):
        self.is_kicked = False
        if not self.is_closed:
            self._run()

    cdef drain(self):
        """Tells owners what happened; what their answers cause is for the next turn."""
        cdef Relay* r = self.core.queue
        cdef Relay* after
        cdef uint8_t news
        self.core.queue = NULL
        while r != NULL:
            after = r.queue_next
            news = r.news
            r.news = 0
            r.queue_next = NULL
            try:
                self.report(r, news)
            except Exception as error:
                self.complain("reporting to an owner", error)
            if news & GONE:
                free(r)
            r = after
        if self.core.queue != NULL and self.is_closed:
            self.drain()
        elif self.core.queue != NULL:
            self.kick()

    cdef report(self, Relay* r, uint8_t news):
        cdef RelayHandle handle = <RelayHandle>r.handle
        if news & FRESH and r.state != DECIDED and r.state != OVER:
            with nogil:
                pump_buffered(&self.core, r)
        if news & HEARD:
            handle.answer_probes(True)
        if news & END:
            self.end(r, handle)
        if news & GONE:
            self.bid_goodbye(r, handle)

    cdef end(self, Relay* r, RelayHandle handle):
        cdef bytes to_client = b"", to_worker = b""
        farewell = Farewell()
        try:
            farewell = (<object>r.owner).relay_ended(ending_of(r)) if handle.ordered is None else self.order(r, handle)
            if farewell.client is not None:
                to_client = close_frame(farewell.client.code, farewell.client.reason)
            if farewell.worker is not None:
                to_worker = close_frame(farewell.worker.code, farewell.worker.reason, os.urandom(4))
        finally:
            part(&self.core, r, to_client, len(to_client), to_worker, len(to_worker))
            handle.answer_probes(False)

    cdef object order(self, Relay* r, RelayHandle handle):
        (<object>r.owner).relay_ended(ending_of(r))
        return handle.ordered

    cdef bid_goodbye(self, Relay* r, RelayHandle handle):
        owner = <object>r.owner
        handle.last = traffic_of(r)
        handle.relay = NULL
        if r.next != NULL:
            r.next.previous = r.previous
        if r.previous != NULL:
            r.previous.next = r.next
        else:
            self.core.live = r.next
        self.core.live_count -= 1
        conn_free(&self.core, r.client)
        conn_free(&self.core, r.worker)
        Py_DECREF(<object>r.owner)
        Py_DECREF(<object>r.handle)
        owner.relay_closed(handle.last)
