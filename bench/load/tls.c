#include "load.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Prototypes and numbers of OpenSSL 3 (openssl/ssl.h), as far as a client needs them. */
typedef struct ssl_ctx_st Context;
typedef struct ssl_cipher_st Cipher;
enum { CTRL_MODE = 33, CTRL_SET_MIN_PROTO_VERSION = 123, TLS1_3 = 0x0304 };
enum { PARTIAL_WRITE = 1, MOVING_BUFFER = 2, RELEASE_BUFFERS = 16 };
enum { WANT_READ = 2, WANT_WRITE = 3, ZERO_RETURN = 6 };

static struct {
    const void *(*method)(void);
    Context *(*context_new)(const void *);
    long (*context_ctrl)(Context *, int, long, void *);
    int (*context_suites)(Context *, const char *);
    Tls *(*open)(Context *);
    void (*free)(Tls *);
    int (*set_fd)(Tls *, int);
    int (*connect)(Tls *);
    int (*read)(Tls *, void *, int);
    int (*write)(Tls *, const void *, int);
    int (*error)(const Tls *, int);
    const Cipher *(*cipher)(const Tls *);
    const char *(*cipher_name)(const Cipher *);
    void (*clear)(void);
} api;
static Context *context;

static void *need(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    if (symbol) return symbol;
    fprintf(stderr, "libssl.so.3 has no %s\n", name);
    exit(1);
}

void tls_load(void)
{
    void *ssl = dlopen("libssl.so.3", RTLD_NOW);
    if (!ssl) {
        fprintf(stderr, "TLS needs libssl.so.3 (Debian: apt-get install libssl3)\n");
        exit(1);
    }
    *(void **)&api.method = need(ssl, "TLS_client_method");
    *(void **)&api.context_new = need(ssl, "SSL_CTX_new");
    *(void **)&api.context_ctrl = need(ssl, "SSL_CTX_ctrl");
    *(void **)&api.context_suites = need(ssl, "SSL_CTX_set_ciphersuites");
    *(void **)&api.open = need(ssl, "SSL_new");
    *(void **)&api.free = need(ssl, "SSL_free");
    *(void **)&api.set_fd = need(ssl, "SSL_set_fd");
    *(void **)&api.connect = need(ssl, "SSL_connect");
    *(void **)&api.read = need(ssl, "SSL_read");
    *(void **)&api.write = need(ssl, "SSL_write");
    *(void **)&api.error = need(ssl, "SSL_get_error");
    *(void **)&api.cipher = need(ssl, "SSL_get_current_cipher");
    *(void **)&api.cipher_name = need(ssl, "SSL_CIPHER_get_name");
    *(void **)&api.clear = need(ssl, "ERR_clear_error"); /* libcrypto's, found through libssl's own dependency */
    context = api.context_new(api.method());
    api.context_ctrl(context, CTRL_SET_MIN_PROTO_VERSION, TLS1_3, NULL);
    api.context_ctrl(context, CTRL_MODE, PARTIAL_WRITE | MOVING_BUFFER | RELEASE_BUFFERS, NULL);
    /* The order browsers offer. A server that follows its client and one that has a preference then agree on one cipher. */
    api.context_suites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384");
}

Tls *tls_open(int fd)
{
    Tls *t = api.open(context);
    if (t) api.set_fd(t, fd);
    return t;
}

void tls_close(Tls *t)
{
    if (t) api.free(t);
}

int tls_handshake(Tls *t)
{
    api.clear();
    int r = api.connect(t);
    if (r == 1) return 1;
    int why = api.error(t, r);
    return why == WANT_READ ? 0 : why == WANT_WRITE ? 2 : -1;
}

static ssize_t as_socket(Tls *t, int r)
{
    if (r > 0) return r;
    int why = api.error(t, r);
    if (why == ZERO_RETURN) return 0;
    errno = why == WANT_READ || why == WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

ssize_t tls_read(Tls *t, void *to, size_t bytes)
{
    api.clear();
    return as_socket(t, api.read(t, to, (int)bytes));
}

ssize_t tls_write(Tls *t, const void *from, size_t bytes)
{
    api.clear();
    return as_socket(t, api.write(t, from, (int)bytes));
}

const char *tls_cipher(Tls *t)
{
    return api.cipher_name(api.cipher(t));
}
