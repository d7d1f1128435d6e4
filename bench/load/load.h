/* The load generator of the benches: an echo worker and a WebSocket client, one thread and one epoll each.
 *
 * Written for being cheap beside the proxy under test: no copies beyond the kernel's where a message is whole in one read, one
 * recv and one send for each message. Not a general WebSocket implementation: it trusts lengths that only our own peers send. */
#ifndef MOORAGE_LOAD_H
#define MOORAGE_LOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { READ_BYTES = 256 << 10, CONTROL_BYTES = 125, HEAD_BYTES = 4096 };
enum { OP_CONTINUATION = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

/* clock.c */
int64_t now_ns(void);
double cpu_ms(void);
typedef struct {
    uint64_t total;
    uint32_t count[64 * 32];
} Latencies; /* log-linear buckets, 3 % wide */
void latencies_add(Latencies *l, int64_t ns);
double latencies_us(const Latencies *l, double quantile);
void die(const char *what);

/* accept.c: Sec-WebSocket-Accept for a key, 28 characters and NUL */
void accept_value(const char *key, size_t key_bytes, char out[29]);

/* frame.c */
size_t frame_header(uint8_t *out, uint8_t first, uint64_t payload_bytes, const uint8_t *mask); /* returns its size, at most 14 */
int frame_parse(const uint8_t *data, size_t bytes, uint64_t *payload_bytes); /* header size, or 0 when more is needed */
void unmask(uint8_t *to, const uint8_t *from, size_t bytes, const uint8_t *mask); /* `to` may lie below `from` */

/* tls.c: OpenSSL found at run time, so that no headers are needed */
typedef struct ssl_st Tls;
void tls_load(void);
Tls *tls_open(int fd);
void tls_close(Tls *t);
int tls_handshake(Tls *t);                       /* 1 done, 0 wants to read, 2 wants to write, -1 failed */
ssize_t tls_read(Tls *t, void *to, size_t bytes); /* as recv: -1 with EAGAIN, 0 at the end */
ssize_t tls_write(Tls *t, const void *from, size_t bytes);
const char *tls_cipher(Tls *t);

/* worker.c, client.c */
int worker_main(int port);
typedef struct {
    const char *host, *tokens, *path;
    int port, tls, max_connections, close_code;
    size_t message_bytes;
} ClientOptions;
int client_main(const ClientOptions *options);

#endif
