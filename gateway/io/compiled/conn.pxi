# One descriptor of the engine: reading, writing, what waits to be written, its place in the epoll. No Python objects are
# touched here; whoever calls holds the only reference.

cdef enum:
    AGAIN = -1
    BROKEN = -2
    SMALLEST_BUFFER = 4096
    TLS_RECORD = 16384
    MOST_HELD_BYTES = 0x7FFFFFFF
    BACKLOG_BYTES = 65536       # most a stream may queue or hand out at once

cdef enum Kind:
    LISTENING
    STREAMING
    RELAYED

cdef uint32_t ABSENT = 0xFFFFFFFF  # not in the epoll

cdef struct Relay

cdef struct Conn:
    int fd                      # -1: closed
    uint32_t armed
    uint8_t kind
    uint8_t paused              # not read, because the other side does not take what it has
    uint8_t ended               # sent its FIN, or was reset
    uint8_t deaf                # a write failed: nothing can be told
    uint8_t finishing           # is shut down as soon as everything is written
    uint8_t shut
    uint8_t hung                # peer went while paused: out of the epoll until it is read again
    uint8_t read_wants_write    # TLS
    uint8_t write_wants_read
    uint32_t out_at
    uint32_t out_len            # waiting to be written, from out + out_at
    uint32_t out_cap
    uint32_t back_at
    uint32_t back_len           # read but not yet used, from back + back_at
    uint32_t tail_len
    char* out
    char* back
    char* tail                  # a farewell that waits for the frame boundary
    void* ssl
    void* early                 # BIO with bytes that were read before TLS began
    double heard_at
    double taken_at             # when the peer last took something of `out`, or it began to wait
    double shut_at
    double hung_at
    PyObject* holder            # borrowed: Listener or Stream
    Relay* relay
    Conn* next                  # among the engine's streams; or among the dead
    Conn* previous
    Walk walk

cdef struct Core:
    int epoll
    bint in_batch
    double now
    uint8_t* read               # a shared buffer; HEAD_ROOM bytes lie before it
    size_t read_bytes
    Conn* dead                  # freed at the end of the batch: its events may still be in it
    Conn* streams               # not yet relayed
    Relay* queue                # what Python has to hear of
    Relay* live
    size_t live_count
    uint8_t tag[8]


cdef double monotonic() noexcept nogil:
    cdef timespec ts
    clock_gettime(CLOCK_MONOTONIC, &ts)
    return ts.tv_sec + ts.tv_nsec * 1e-9


cdef Conn* conn_new(int fd, uint8_t kind) except NULL:
    cdef Conn* c = <Conn*>calloc(1, sizeof(Conn))
    if c == NULL:
        raise MemoryError
    c.fd = fd
    c.kind = kind
    c.armed = ABSENT
    return c


cdef void arm(Core* core, Conn* c, uint32_t events) noexcept nogil:
    cdef epoll_event event
    if events == c.armed or c.fd < 0:
        return
    event.events = events
    event.data.ptr = c
    if events == ABSENT:
        epoll_ctl(core.epoll, EPOLL_CTL_DEL, c.fd, &event)
    else:
        epoll_ctl(core.epoll, EPOLL_CTL_ADD if c.armed == ABSENT else EPOLL_CTL_MOD, c.fd, &event)
    c.armed = events


cdef void conn_close(Core* core, Conn* c, bint reset) noexcept nogil:
    """Closes the descriptor and drops its buffers; the struct lives on for whoever points to it."""
    cdef linger now
    if c.fd < 0:
        return
    arm(core, c, ABSENT)
    if reset:
        now.l_onoff = 1
        now.l_linger = 0
        setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now))
    if c.ssl != NULL:
        tls.SSL_free(c.ssl)
        tls.ERR_clear_error()
        c.ssl = c.early = NULL
    close(c.fd)
    c.fd = -1
    free(c.out)
    free(c.back)
    free(c.tail)
    c.out = c.back = c.tail = NULL
    c.out_len = c.out_cap = c.back_len = c.tail_len = 0


cdef void conn_free(Core* core, Conn* c) noexcept nogil:
    conn_close(core, c, False)
    if core.in_batch:
        c.next = core.dead
        core.dead = c
    else:
        free(c)


cdef void bury(Core* core) noexcept nogil:
    cdef Conn* c
    while core.dead != NULL:
        c = core.dead
        core.dead = c.next
        free(c)


cdef bint end_early(Conn* c) noexcept nogil:
    """Lets TLS read from the socket once it has used up what was read before it began; whether it just did."""
    cdef void* direct
    if c.early == NULL or tls.BIO_ctrl(c.early, BIO_PENDING, 0, NULL) > 0:
        return False
    direct = tls.BIO_new_socket(c.fd, 0)
    if direct == NULL:
        return False
    tls.SSL_set0_rbio(c.ssl, direct)
    c.early = NULL
    return True


cdef ssize_t tls_read(Conn* c, uint8_t* into, size_t size) noexcept nogil:
    cdef size_t total = 0
    cdef int n, why
    c.read_wants_write = False
    while True:
        tls.ERR_clear_error()
        n = tls.SSL_read(c.ssl, into + total, <int>min(size - total, <size_t>(1 << 30)))
        if n > 0:
            total += n
            if size - total >= TLS_RECORD and tls.SSL_has_pending(c.ssl):
                continue
            return total
        why = tls.SSL_get_error(c.ssl, n)
        if why == WANT_READ and end_early(c):
            continue
        if total:
            return total
        if why == WANT_READ:
            return AGAIN
        if why == WANT_WRITE:
            c.read_wants_write = True
            return AGAIN
        return 0 if why == ZERO_RETURN else BROKEN


cdef ssize_t conn_read(Conn* c, uint8_t* into, size_t size) noexcept nogil:
    """Bytes read, 0 at end of stream, AGAIN or BROKEN."""
    cdef ssize_t n
    if c.back_len:
        n = min(size, <size_t>c.back_len)
        memcpy(into, c.back + c.back_at, n)
        c.back_at += <uint32_t>n
        c.back_len -= <uint32_t>n
        if c.back_len == 0:
            free(c.back)
            c.back = NULL
        return n
    if c.ssl != NULL:
        return tls_read(c, into, size)
    while True:
        n = recv(c.fd, into, size, 0)
        if n >= 0:
            return n
        if errno != EINTR:
            return AGAIN if errno == EAGAIN else BROKEN


cdef bint has_more(Conn* c) noexcept nogil:
    """Whether bytes wait that the epoll does not see."""
    return c.fd >= 0 and (c.back_len or (c.ssl != NULL and (c.early != NULL or tls.SSL_has_pending(c.ssl))))


cdef ssize_t tls_write(Conn* c, const char* data, size_t size) noexcept nogil:
    cdef size_t total = 0
    cdef int n, why
    c.write_wants_read = False
    while total < size:
        tls.ERR_clear_error()
        n = tls.SSL_write(c.ssl, data + total, <int>min(size - total, <size_t>(1 << 30)))
        if n > 0:
            total += n
            continue
        why = tls.SSL_get_error(c.ssl, n)
        if why != WANT_READ and why != WANT_WRITE:
            return BROKEN
        c.write_wants_read = why == WANT_READ
        return total if total else AGAIN
    return total


cdef ssize_t conn_write(Conn* c, const char* data, size_t size) noexcept nogil:
    """Bytes taken, AGAIN or BROKEN."""
    cdef ssize_t n
    if c.ssl != NULL:
        return tls_write(c, data, size)
    while True:
        n = send(c.fd, data, size, MSG_NOSIGNAL)
        if n >= 0:
            return n
        if errno != EINTR:
            return AGAIN if errno == EAGAIN else BROKEN


cdef bint hold(Conn* c, const char* data, size_t size) noexcept nogil:
    """Keeps bytes until the peer takes them; False without memory."""
    cdef size_t cap
    cdef char* grown
    if c.out_at and c.out_at + c.out_len + size > c.out_cap:
        memmove(c.out, c.out + c.out_at, c.out_len)
        c.out_at = 0
    if c.out_len + size > c.out_cap:
        cap = max(max(c.out_len + size, 2 * <size_t>c.out_cap), <size_t>SMALLEST_BUFFER)
        grown = <char*>realloc(c.out, cap) if cap <= MOST_HELD_BYTES else NULL
        if grown == NULL:
            return False
        c.out = grown
        c.out_cap = <uint32_t>cap
    memcpy(c.out + c.out_at + c.out_len, data, size)
    c.out_len += <uint32_t>size
    return True


cdef void drop_out(Conn* c) noexcept nogil:
    free(c.out)
    c.out = NULL
    c.out_at = c.out_len = c.out_cap = 0


cdef ssize_t write_held(Conn* c) noexcept nogil:
    """Writes of what is held; bytes taken, AGAIN or BROKEN (then nothing is held any more)."""
    cdef ssize_t n
    if c.out_len == 0:
        return 0
    n = conn_write(c, c.out + c.out_at, c.out_len)
    if n > 0:
        c.out_at += <uint32_t>n
        c.out_len -= <uint32_t>n
    if n == BROKEN or c.out_len == 0:
        drop_out(c)
    return n


cdef void half_close(Conn* c) noexcept nogil:
    """Tells the peer that nothing more comes; reading goes on."""
    if c.ssl != NULL and not c.deaf:
        tls.ERR_clear_error()
        tls.SSL_shutdown(c.ssl)
    shutdown(c.fd, SHUT_WR)
    c.shut = True
