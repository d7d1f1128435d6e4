# OpenSSL as Python's own _ssl extension has it: looked up by name, so that no headers and no -lssl are needed, and one
# library serves both. Prototypes are those of the OpenSSL 3.0 manual (all exist since 1.1.1).

cdef extern from *:
    """
    struct openssl_table {
        void *(*TLS_server_method)(void);
        void *(*SSL_CTX_new)(void *);
        void (*SSL_CTX_free)(void *);
        long (*SSL_CTX_ctrl)(void *, int, long, void *);
        uint64_t (*SSL_CTX_set_options)(void *, uint64_t);
        int (*SSL_CTX_set_ciphersuites)(void *, const char *);
        int (*SSL_CTX_set_cipher_list)(void *, const char *);
        int (*SSL_CTX_set_num_tickets)(void *, size_t);
        int (*SSL_CTX_use_certificate_chain_file)(void *, const char *);
        int (*SSL_CTX_use_PrivateKey_file)(void *, const char *, int);
        int (*SSL_CTX_check_private_key)(void *);
        void (*SSL_CTX_set_default_passwd_cb)(void *, int (*)(char *, int, int, void *));
        void (*SSL_CTX_set_alpn_select_cb)(void *, int (*)(void *, const unsigned char **, unsigned char *,
                                           const unsigned char *, unsigned, void *), void *);
        void *(*SSL_new)(void *);
        void (*SSL_free)(void *);
        int (*SSL_set_fd)(void *, int);
        void (*SSL_set0_rbio)(void *, void *);
        int (*SSL_accept)(void *);
        int (*SSL_read)(void *, void *, int);
        int (*SSL_write)(void *, const void *, int);
        int (*SSL_shutdown)(void *);
        int (*SSL_get_error)(void *, int);
        int (*SSL_has_pending)(void *);
        void *(*BIO_new_socket)(int, int);
        void *(*BIO_new)(void *);
        void *(*BIO_s_mem)(void);
        int (*BIO_write)(void *, const void *, int);
        long (*BIO_ctrl)(void *, int, long, void *);
        void (*ERR_clear_error)(void);
        unsigned long (*ERR_get_error)(void);
        const char *(*ERR_reason_error_string)(unsigned long);
    };
    """
    cdef struct openssl_table:
        void* (*TLS_server_method)() noexcept nogil
        void* (*SSL_CTX_new)(void*) noexcept nogil
        void (*SSL_CTX_free)(void*) noexcept nogil
        long (*SSL_CTX_ctrl)(void*, int, long, void*) noexcept nogil
        uint64_t (*SSL_CTX_set_options)(void*, uint64_t) noexcept nogil
        int (*SSL_CTX_set_ciphersuites)(void*, const char*) noexcept nogil
        int (*SSL_CTX_set_cipher_list)(void*, const char*) noexcept nogil
        int (*SSL_CTX_set_num_tickets)(void*, size_t) noexcept nogil
        int (*SSL_CTX_use_certificate_chain_file)(void*, const char*) noexcept nogil
        int (*SSL_CTX_use_PrivateKey_file)(void*, const char*, int) noexcept nogil
        int (*SSL_CTX_check_private_key)(void*) noexcept nogil
        void (*SSL_CTX_set_default_passwd_cb)(void*, int (*)(char*, int, int, void*) noexcept nogil) noexcept nogil
        void (*SSL_CTX_set_alpn_select_cb)(void*, int (*)(void*, const unsigned char**, unsigned char*, const unsigned char*, unsigned, void*) noexcept nogil, void*) noexcept nogil
        void* (*SSL_new)(void*) noexcept nogil
        void (*SSL_free)(void*) noexcept nogil
        int (*SSL_set_fd)(void*, int) noexcept nogil
        void (*SSL_set0_rbio)(void*, void*) noexcept nogil
        int (*SSL_accept)(void*) noexcept nogil
        int (*SSL_read)(void*, void*, int) noexcept nogil
        int (*SSL_write)(void*, const void*, int) noexcept nogil
        int (*SSL_shutdown)(void*) noexcept nogil
        int (*SSL_get_error)(void*, int) noexcept nogil
        int (*SSL_has_pending)(void*) noexcept nogil
        void* (*BIO_new_socket)(int, int) noexcept nogil
        void* (*BIO_new)(void*) noexcept nogil
        void* (*BIO_s_mem)() noexcept nogil
        int (*BIO_write)(void*, const void*, int) noexcept nogil
        long (*BIO_ctrl)(void*, int, long, void*) noexcept nogil
        void (*ERR_clear_error)() noexcept nogil
        unsigned long (*ERR_get_error)() noexcept nogil
        const char* (*ERR_reason_error_string)(unsigned long) noexcept nogil

# Names in the order of the table's fields.
TLS_FUNCTIONS = (
    b"TLS_server_method", b"SSL_CTX_new", b"SSL_CTX_free", b"SSL_CTX_ctrl", b"SSL_CTX_set_options",
    b"SSL_CTX_set_ciphersuites", b"SSL_CTX_set_cipher_list", b"SSL_CTX_set_num_tickets",
    b"SSL_CTX_use_certificate_chain_file", b"SSL_CTX_use_PrivateKey_file", b"SSL_CTX_check_private_key",
    b"SSL_CTX_set_default_passwd_cb", b"SSL_CTX_set_alpn_select_cb", b"SSL_new", b"SSL_free", b"SSL_set_fd",
    b"SSL_set0_rbio", b"SSL_accept", b"SSL_read", b"SSL_write", b"SSL_shutdown", b"SSL_get_error", b"SSL_has_pending",
    b"BIO_new_socket", b"BIO_new", b"BIO_s_mem", b"BIO_write", b"BIO_ctrl", b"ERR_clear_error", b"ERR_get_error",
    b"ERR_reason_error_string",
)

cdef enum:
    WANT_READ = 2
    WANT_WRITE = 3
    ERROR_SYSCALL = 5
    ZERO_RETURN = 6
    SET_MODE = 33           # SSL_CTRL_MODE
    SET_READ_AHEAD = 41
    SET_SESS_CACHE_MODE = 44
    SET_MIN_PROTO_VERSION = 123
    TLS_1_2 = 0x303
    MODES = 0x1 | 0x2 | 0x10  # partial writes, moving write buffer, release buffers of idle connections
    PEM = 1
    BIO_PENDING = 10
    BIO_SET_MEM_EOF_RETURN = 130
    ALPN_OK = 0
    ALPN_NOACK = 3

cdef uint64_t TLS_OPTIONS = (
    1 << 7      # IGNORE_UNEXPECTED_EOF: a WebSocket has its own close, truncation tells nothing more
    | 1 << 17   # NO_COMPRESSION
    | 1 << 22   # CIPHER_SERVER_PREFERENCE
    | 1 << 30   # NO_RENEGOTIATION
)

cdef openssl_table tls
cdef bint tls_found = False


cdef bint find_openssl(bytes path):
    """Fills the table from the library at `path`; False when a name is missing, as when OpenSSL is linked statically."""
    global tls_found
    cdef void* library = dlopen(path, RTLD_LAZY)
    cdef void** slot = <void**>&tls
    cdef bytes name
    if library == NULL or sizeof(openssl_table) != len(TLS_FUNCTIONS) * sizeof(void*):
        return False
    for name in TLS_FUNCTIONS:
        slot[0] = dlsym(library, name)
        if slot[0] == NULL:
            return False
        slot += 1
    tls_found = True
    return True


cdef int no_password(char* into, int size, int writing, void* data) noexcept nogil:
    return 0  # OpenSSL's own would ask on the terminal


cdef int choose_alpn(void* ssl, const unsigned char** out, unsigned char* out_len, const unsigned char* offered, unsigned size, void* data) noexcept nogil:
    cdef unsigned at = 0, length
    while at < size:
        length = offered[at]
        if length == 8 and at + 9 <= size and memcmp(offered + at + 1, b"http/1.1", 8) == 0:
            out[0] = offered + at + 1
            out_len[0] = 8
            return ALPN_OK
        at += 1 + length
    return ALPN_NOACK


cdef object tls_error(str doing):
    """The first error of OpenSSL's queue as Python's own ssl would raise it."""
    cdef unsigned long code = tls.ERR_get_error()
    cdef const char* text = tls.ERR_reason_error_string(code) if code else NULL
    reason = text.decode() if text != NULL else "unknown error"
    error = SSLError(1, f"{doing}: {reason}")
    error.reason = reason.upper().replace(" ", "_")
    error.library = "SSL"
    return error


cdef class Certificate:
    """An SSL_CTX: certificate, key and parameters. Live connections hold their own reference to it."""

    cdef void* context

    def __cinit__(self, chain, key):
        if not tls_found:
            raise RuntimeError("this interpreter's _ssl does not share its OpenSSL: use the pure wire for TLS")
        for path in (chain, key):
            with open(path, "rb"):
                pass
        tls.ERR_clear_error()
        self.context = tls.SSL_CTX_new(tls.TLS_server_method())
        if self.context == NULL:
            raise MemoryError
        tls.SSL_CTX_set_default_passwd_cb(self.context, no_password)
        if tls.SSL_CTX_use_certificate_chain_file(self.context, os.fsencode(chain)) != 1:
            raise tls_error(f"certificate chain {chain}")
        if tls.SSL_CTX_use_PrivateKey_file(self.context, os.fsencode(key), PEM) != 1 or tls.SSL_CTX_check_private_key(self.context) != 1:
            raise tls_error(f"private key {key} of {chain}")
        tls.SSL_CTX_ctrl(self.context, SET_MIN_PROTO_VERSION, TLS_1_2, NULL)
        tls.SSL_CTX_ctrl(self.context, SET_MODE, MODES, NULL)
        tls.SSL_CTX_ctrl(self.context, SET_READ_AHEAD, 1, NULL)
        tls.SSL_CTX_ctrl(self.context, SET_SESS_CACHE_MODE, 0, NULL)
        tls.SSL_CTX_set_options(self.context, TLS_OPTIONS)
        tls.SSL_CTX_set_num_tickets(self.context, 1)
        tls.SSL_CTX_set_ciphersuites(self.context, <bytes>TLS_1_3_CIPHERS)
        tls.SSL_CTX_set_cipher_list(self.context, <bytes>TLS_1_2_CIPHERS)
        tls.SSL_CTX_set_alpn_select_cb(self.context, choose_alpn, NULL)

    def __dealloc__(self):
        if self.context != NULL:
            tls.SSL_CTX_free(self.context)
