#define _GNU_SOURCE
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t MASK[4] = {0x5a, 0x13, 0xc7, 0x2e};
static const char KEY[] = "bW9vcmFnZS1iZW5jaC1rZQ==";

const ClientOptions *options;
int epoll, open_connections, highest_used;
static Connection *connections;
static int *free_indexes, free_count;
static char **tokens;
static size_t token_count, token_next;
static uint8_t *message, buffer[READ_BYTES], echo_header[16];
static size_t message_bytes, echo_header_bytes;
static char accept_expected[29];

static void load_tokens(void)
{
    FILE *file = fopen(options->tokens, "r");
    if (!file) die(options->tokens);
    char line[4096];
    size_t room = 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = 0;
        if (token_count == room) tokens = realloc(tokens, (room = room ? room * 2 : 1024) * sizeof *tokens);
        if (!tokens || !(tokens[token_count++] = strdup(line))) die("tokens");
    }
    fclose(file);
}

void connections_start(void)
{
    connections = calloc((size_t)options->max_connections, sizeof *connections);
    free_indexes = malloc((size_t)options->max_connections * sizeof *free_indexes);
    message = malloc(options->message_bytes + 14);
    if (!connections || !free_indexes || !message) die("malloc");
    for (int i = options->max_connections - 1; i >= 0; i--) free_indexes[free_count++] = i;
    if (options->tokens) load_tokens();
    if (options->tls) tls_load();
    size_t header = frame_header(message, 0x80 | OP_BINARY, options->message_bytes, MASK);
    for (size_t i = 0; i < options->message_bytes; i++) message[header + i] = (uint8_t)(i * 31) ^ MASK[i & 3];
    message_bytes = header + options->message_bytes;
    echo_header_bytes = frame_header(echo_header, 0x80 | OP_BINARY, options->message_bytes, NULL);
    accept_value(KEY, sizeof KEY - 1, accept_expected);
}

Connection *connection_at(int index)
{
    return &connections[index];
}

static void arm(Connection *c, uint32_t events)
{
    if (c->events == events) return;
    struct epoll_event e = {.events = events, .data.u64 = (uint64_t)c->generation << 32 | (uint32_t)(c - connections)};
    epoll_ctl(epoll, c->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &e);
    c->events = events;
}

void connection_drop(Connection *c)
{
    State was = c->state;
    tls_close(c->tls);
    close(c->fd);
    free(c->request);
    c->state = FREE;
    if (was >= OPEN) open_connections--;
    if (was >= OPEN) on_gone(c, was);
    else on_refused(c, was);
    uint32_t generation = c->generation + 1;
    memset(c, 0, sizeof *c);
    c->generation = generation;
    free_indexes[free_count++] = (int)(c - connections);
}

static ssize_t put(Connection *c, const uint8_t *data, size_t bytes)
{
    return c->tls ? tls_write(c->tls, data, bytes) : send(c->fd, data, bytes, MSG_NOSIGNAL);
}

/* Writes the message or request first, then a control frame. Returns -1 when the connection was dropped. */
static int flush(Connection *c)
{
    while (c->out_bytes || c->control_bytes) {
        const uint8_t *data = c->out_bytes ? c->out : c->control;
        size_t bytes = c->out_bytes ? c->out_bytes : c->control_bytes;
        ssize_t n = put(c, data, bytes);
        if (n < 0 && errno == EAGAIN) {
            arm(c, EPOLLIN | EPOLLOUT);
            return 0;
        }
        if (n < 0) {
            connection_drop(c);
            return -1;
        }
        if (c->out_bytes) {
            c->out += n, c->out_bytes -= (size_t)n;
        } else {
            memmove(c->control, c->control + n, c->control_bytes -= (size_t)n);
        }
    }
    arm(c, EPOLLIN);
    return 0;
}

static int control(Connection *c, uint8_t first, const uint8_t *payload, size_t bytes)
{
    size_t header = frame_header(c->control, first, bytes, MASK);
    for (size_t i = 0; i < bytes; i++) c->control[header + i] = payload[i] ^ MASK[i & 3];
    c->control_bytes = header + bytes;
    return flush(c);
}

void connection_trip(Connection *c)
{
    c->in_flight = 1;
    c->sent_ns = now_ns();
    c->out = message;
    c->out_bytes = message_bytes;
    flush(c);
}

void connection_leave(Connection *c)
{
    uint8_t code[2] = {(uint8_t)(options->close_code >> 8), (uint8_t)options->close_code};
    if (c->state != OPEN) return;
    c->state = LEAVING;
    control(c, 0x80 | OP_CLOSE, code, 2);
}

static int send_request(Connection *c)
{
    char token[4096] = "";
    if (token_count) snprintf(token, sizeof token, "Authorization: Bearer %s\r\n", tokens[c->token % token_count]);
    int n = asprintf(&c->request,
                     "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                     options->path, options->host, c->port, KEY, token);
    if (n < 0) die("asprintf");
    c->state = UPGRADING;
    c->out = (uint8_t *)c->request;
    c->out_bytes = (size_t)n;
    return flush(c);
}

static Connection *begin(size_t token, int port, int64_t started_ns)
{
    if (!free_count) return NULL;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0) return NULL;
    Connection *c = &connections[free_indexes[--free_count]];
    c->fd = fd;
    c->state = CONNECTING;
    c->token = token;
    c->port = port;
    c->started_ns = started_ns;
    if (c - connections >= highest_used) highest_used = (int)(c - connections) + 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return c;
}

static Connection *dial(Connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->port)};
    inet_pton(AF_INET, options->host, &to.sin_addr);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) {
        connection_drop(c);
        return NULL;
    }
    arm(c, EPOLLOUT);
    return c;
}

Connection *connection_open(int64_t started_ns)
{
    Connection *c = begin(token_next, options->port, started_ns);
    if (!c) return NULL;
    token_next++;
    return dial(c);
}

Connection *connection_return(size_t token, int port, int64_t lost_ns, int tries)
{
    Connection *c = begin(token, port, now_ns());
    if (!c) return NULL;
    c->lost_ns = lost_ns;
    c->tries = tries;
    return dial(c);
}

static int secure(Connection *c)
{
    int r = tls_handshake(c->tls);
    if (r < 0) {
        connection_drop(c);
        return -1;
    }
    if (r == 1) return send_request(c);
    arm(c, r == 2 ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return 0;
}

static int connected(Connection *c)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        connection_drop(c);
        return -1;
    }
    if (!options->tls) return send_request(c);
    c->state = SECURING;
    c->tls = tls_open(c->fd);
    return secure(c);
}

static int frame_done(Connection *c)
{
    uint8_t first = c->header[0];
    c->header_bytes = 0;
    if ((first & 15) == OP_PING) return control(c, 0x80 | OP_PONG, c->incoming, c->incoming_bytes);
    if ((first & 15) == OP_CLOSE) {
        c->closed_ns = now_ns();
        c->closed_code = c->incoming_bytes >= 2 ? c->incoming[0] << 8 | c->incoming[1] : 1005;
        return c->state == OPEN ? control(c, first, c->incoming, c->incoming_bytes) : 0;
    }
    if (first & 8 || !c->in_flight) return 0;
    c->in_flight = 0;
    uint32_t generation = c->generation;
    on_echo(c);
    return c->generation == generation ? 0 : -1;
}

/* Skips payloads, keeps control frames. An echo of another size or kind than was sent drops the connection. */
static int frames(Connection *c, const uint8_t *data, size_t bytes)
{
    while (bytes) {
        int header = 0;
        while (!(header = frame_parse(c->header, c->header_bytes, &c->payload_left)) && bytes) c->header[c->header_bytes++] = *data++, bytes--;
        if (!header) return 0;
        int is_control = c->header[0] & 8;
        if (!is_control && memcmp(c->header, echo_header, echo_header_bytes)) {
            connection_drop(c);
            return -1;
        }
        c->payload_left -= c->incoming_bytes;
        size_t n = bytes < c->payload_left ? bytes : c->payload_left;
        if (is_control) memcpy(c->incoming + c->incoming_bytes, data, n);
        data += n, bytes -= n, c->incoming_bytes += n;
        if (n < c->payload_left) return 0;
        if (frame_done(c) < 0) return -1;
        c->incoming_bytes = 0;
    }
    return 0;
}

static int upgraded(Connection *c, const uint8_t *data, size_t bytes)
{
    size_t n = bytes < sizeof c->head - 1 - c->head_bytes ? bytes : sizeof c->head - 1 - c->head_bytes, had = c->head_bytes;
    memcpy(c->head + had, data, n);
    c->head[c->head_bytes += n] = 0;
    const char *end = strstr(c->head, "\r\n\r\n");
    if (!end && c->head_bytes < sizeof c->head - 1) return 0;
    if (!end || strncmp(c->head, "HTTP/1.1 101", 12) || !strstr(c->head, accept_expected)) {
        static int told;
        if (!c->lost_ns && told++ < 3) fprintf(stderr, "refused: %.200s\n", c->head); /* a few will do; a full pipe would block us */
        connection_drop(c);
        return -1;
    }
    free(c->request);
    c->request = NULL;
    c->state = OPEN;
    open_connections++;
    size_t used = (size_t)(end + 4 - c->head) - had;
    uint32_t generation = c->generation;
    on_open(c);
    return c->generation == generation ? frames(c, data + used, bytes - used) : -1;
}

static void readable(Connection *c)
{
    for (;;) {
        ssize_t n = c->tls ? tls_read(c->tls, buffer, sizeof buffer) : recv(c->fd, buffer, sizeof buffer, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            connection_drop(c);
            return;
        }
        if ((c->state == UPGRADING ? upgraded(c, buffer, (size_t)n) : frames(c, buffer, (size_t)n)) < 0) return;
        if (!c->tls) return; /* level-triggered: the rest comes with the next wait; TLS may hold bytes that epoll cannot see */
    }
}

void connection_event(uint64_t tag, uint32_t events)
{
    Connection *c = &connections[(uint32_t)tag];
    if (c->generation != (uint32_t)(tag >> 32) || c->state == FREE) return; /* dropped earlier in the same batch */
    if (c->state == CONNECTING) {
        connected(c);
    } else if (c->state == SECURING) {
        secure(c);
    } else {
        if ((events & EPOLLOUT) && flush(c) < 0) return;
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
    }
}
