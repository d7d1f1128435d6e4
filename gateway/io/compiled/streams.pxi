# Connections before they are relayed, and where they come from. A future exists only while a coroutine waits.


cdef bint is_writable(int fd) noexcept nogil:
    cdef pollfd asked
    asked.fd = fd
    asked.events = POLLOUT
    asked.revents = 0
    return poll(&asked, 1, 0) == 1


@cython.no_gc_clear  # its end needs the engine, also when a garbage collection brings it
cdef class Stream:
    """One accepted or dialled connection; see gateway.io.wire.Stream."""

    cdef Engine engine
    cdef Conn* conn             # NULL: aborted, or given to a relay
    cdef object waiter
    cdef uint32_t awaited
    cdef bint is_connecting
    cdef bint is_gone
    cdef readonly str peer_host
    cdef readonly int peer_port

    def __dealloc__(self):
        if self.conn != NULL:
            self.drop(False)

    cdef void drop(self, bint reset) noexcept:
        cdef Conn* c = self.release()
        conn_close(&self.engine.core, c, reset)
        conn_free(&self.engine.core, c)

    cdef Conn* release(self) noexcept:
        """Takes the connection out of the engine's streams."""
        cdef Conn* c = self.conn
        self.conn = NULL
        c.holder = NULL
        if c.next != NULL:
            c.next.previous = c.previous
        if c.previous != NULL:
            c.previous.next = c.next
        else:
            self.engine.core.streams = c.next
        c.next = c.previous = NULL
        return c

    cdef Conn* alive(self) except NULL:
        if self.conn == NULL:
            raise ConnectionAbortedError("the connection was closed on this side")
        return self.conn

    cdef void rearm(self) noexcept:
        cdef uint32_t events = self.awaited if self.waiter is not None else 0
        if self.conn.out_len:
            events |= EPOLLOUT
        arm(&self.engine.core, self.conn, events if events else ABSENT)

    cdef object wait(self, uint32_t events):
        self.alive()
        self.waiter = self.engine.loop.create_future()
        self.awaited = events
        self.rearm()
        return self.waiter

    cdef woken(self, uint32_t events):
        cdef Conn* c = self.conn
        if c.out_len and events & (EPOLLOUT | EPOLLERR | EPOLLHUP) and write_held(c) == BROKEN:
            c.deaf = True
        waiter = self.waiter
        if waiter is not None and events & (self.awaited | EPOLLERR | EPOLLHUP):
            self.waiter = None
            if not waiter.done():
                waiter.set_result(None)
                return
        elif waiter is not None and waiter.done():
            self.waiter = None
        self.rearm()

    cdef connected(self):
        """The dialled socket is writable: refuses what failed, sets how long a silent peer is believed."""
        cdef int value = 0
        cdef socklen_t size = sizeof(value)
        cdef int fd = self.alive().fd
        self.is_connecting = False
        if getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size) != 0 or value:
            raise OSError(value, os.strerror(value))
        value = 1
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value))
        value = USER_TIMEOUT_MS
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof(value))

    cdef bytes read_now(self):
        """What is there, b"" at the end, None when nothing is."""
        cdef Conn* c = self.alive()
        cdef ssize_t n = conn_read(c, self.engine.core.read, BACKLOG_BYTES)
        if n >= 0:
            return (<char*>self.engine.core.read)[:n]
        if n == AGAIN:
            return None
        raise ConnectionResetError(errno, "the peer reset the connection")

    async def receive(self):
        while True:
            data = self.read_now()
            if data is not None:
                return data
            await self.wait(EPOLLOUT if self.conn.read_wants_write else EPOLLIN)

    def unread(self, bytes data not None):
        self.alive()
        if data:
            self.put_back(data, len(data), True)

    cdef put_back(self, const char* data, size_t size, bint in_front):
        cdef Conn* c = self.conn
        cdef char* joined = <char*>malloc(size + c.back_len)
        if joined == NULL:
            raise MemoryError
        memcpy(joined + (0 if in_front else c.back_len), data, size)
        if c.back_len:
            memcpy(joined + (size if in_front else 0), c.back + c.back_at, c.back_len)
        free(c.back)
        c.back = joined
        c.back_at = 0
        c.back_len += <uint32_t>size

    async def wait_gone(self):
        while self.keeps_coming():
            await self.wait(EPOLLIN | EPOLLRDHUP)
        if not self.is_gone:
            await self.wait(EPOLLRDHUP)

    cdef bint keeps_coming(self) except -1:
        """Whether the end must be looked for in what TLS sends; takes that in, as far as there is room."""
        cdef Conn* c = self.alive()
        cdef ssize_t n
        while c.ssl != NULL and c.back_len < BACKLOG_BYTES:
            n = tls_read(c, self.engine.core.read, BACKLOG_BYTES - c.back_len)
            if n == AGAIN:
                return True
            if n <= 0:
                self.is_gone = True
                return False
            self.put_back(<char*>self.engine.core.read, n, False)
        return False

    def send(self, bytes data not None):
        cdef Conn* c = self.conn
        cdef const char* rest = data
        cdef size_t size = len(data)
        cdef ssize_t n = 0
        if c == NULL or c.deaf or not size:
            return
        if not c.out_len:
            n = conn_write(c, rest, size)
            if n == <ssize_t>size:
                return
        if n == BROKEN:
            c.deaf = True
            return
        n = max(n, 0)
        if c.out_len + size - n > BACKLOG_BYTES or not hold(c, rest + n, size - n):
            self.abort()
            return
        self.rearm()

    async def start_tls(self, Certificate context not None):
        self.begin_tls(context)
        while True:
            events = self.handshake()
            if not events:
                return
            await self.wait(events)

    cdef begin_tls(self, Certificate context):
        cdef Conn* c = self.alive()
        cdef void* ssl = tls.SSL_new(context.context)
        if ssl == NULL or tls.SSL_set_fd(ssl, c.fd) != 1:
            tls.SSL_free(ssl)
            raise MemoryError
        c.ssl = ssl
        if c.back_len:
            c.early = tls.BIO_new(tls.BIO_s_mem())
            if c.early == NULL:
                raise MemoryError
            tls.BIO_ctrl(c.early, BIO_SET_MEM_EOF_RETURN, -1, NULL)
            tls.BIO_write(c.early, c.back + c.back_at, c.back_len)
            tls.SSL_set0_rbio(ssl, c.early)
            free(c.back)
            c.back = NULL
            c.back_len = 0

    cdef uint32_t handshake(self) except? 0xFFFF:
        """One step; the event to wait for, 0 when done."""
        cdef Conn* c = self.alive()
        cdef int result, why
        while True:
            tls.ERR_clear_error()
            result = tls.SSL_accept(c.ssl)
            if result == 1:
                return 0
            why = tls.SSL_get_error(c.ssl, result)
            if why == WANT_READ and end_early(c):
                continue
            if why == WANT_READ:
                return EPOLLIN
            if why == WANT_WRITE:
                return EPOLLOUT
            break
        if why == ERROR_SYSCALL or why == ZERO_RETURN:
            raise ConnectionResetError(errno, "the peer left during the TLS handshake")
        raise tls_error("TLS handshake")

    async def finish(self, double linger_seconds):
        if self.conn == NULL:
            return
        try:
            async with timeout(linger_seconds):
                while self.alive().out_len:
                    await self.wait(EPOLLOUT)
                half_close(self.alive())
                while await self.receive():
                    pass
        except (TimeoutError, OSError):
            pass
        finally:
            self.abort()

    def abort(self):
        if self.conn == NULL:
            return
        self.drop(self.conn.out_len > 0)
        self.wake_in_vain()

    cdef wake_in_vain(self):
        waiter = self.waiter
        self.waiter = None
        if waiter is not None and not waiter.done():
            waiter.set_exception(ConnectionAbortedError("the connection was closed on this side"))


cdef class Listener:
    """Accepts on one socket; see gateway.io.wire.Listener."""

    cdef Engine engine
    cdef object sock
    cdef object accept
    cdef object backing_off
    cdef bint is_paused
    cdef Conn* conn

    def pause(self):
        self.is_paused = True
        self.rearm()

    def resume(self):
        self.is_paused = False
        self.rearm()

    def close(self):
        if self.conn == NULL:
            return
        if self.backing_off is not None:
            self.backing_off.cancel()
        arm(&self.engine.core, self.conn, ABSENT)
        self.conn.fd = -1
        conn_free(&self.engine.core, self.conn)
        self.conn = NULL
        self.sock.close()
        self.engine.listeners.discard(self)

    cdef void rearm(self) noexcept:
        if self.conn != NULL:
            arm(&self.engine.core, self.conn, ABSENT if self.is_paused or self.backing_off is not None else EPOLLIN)

    def _accept_again(self):
        self.backing_off = None
        self.rearm()

    cdef woken(self):
        cdef sockaddr_storage address
        cdef socklen_t size
        cdef int fd, turns
        for turns in range(MOST_ACCEPTS):
            if self.conn == NULL or self.is_paused:
                return
            size = sizeof(address)
            fd = accept4(self.conn.fd, <sockaddr*>&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC)
            if fd >= 0:
                self.accept(self.engine.adopt(fd, &address))
            elif errno == EAGAIN:
                return
            elif errno in (EMFILE, ENFILE, ENOBUFS, ENOMEM):
                self.backing_off = self.engine.loop.call_later(ACCEPT_BACK_OFF, self._accept_again)
                self.rearm()
                return
