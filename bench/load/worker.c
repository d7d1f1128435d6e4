/* The echo worker: answers any upgrade, sends every frame back unmasked, a whole frame at a time as a real worker would. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    int fd, upgraded, closing;
    uint8_t *in, *out;
    size_t in_bytes, in_room, out_at, out_bytes;
} Peer;

static int epoll;
static uint8_t buffer[READ_BYTES];

static void drop(Peer *p)
{
    close(p->fd);
    free(p->in);
    free(p->out);
    free(p);
}

static void watch(Peer *p, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = p};
    epoll_ctl(epoll, EPOLL_CTL_MOD, p->fd, &e);
}

/* What the kernel does not take is kept, and nothing more is read until it is gone. */
static int say(Peer *p, const uint8_t *data, size_t bytes)
{
    ssize_t n = send(p->fd, data, bytes, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return -1;
    if (n < 0) n = 0;
    if ((size_t)n == bytes) return 0;
    p->out_bytes = bytes - (size_t)n;
    p->out_at = 0;
    p->out = malloc(p->out_bytes);
    if (!p->out) die("malloc");
    memcpy(p->out, data + n, p->out_bytes);
    watch(p, EPOLLOUT);
    return 0;
}

static int flush(Peer *p)
{
    ssize_t n = send(p->fd, p->out + p->out_at, p->out_bytes - p->out_at, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN ? 0 : -1;
    p->out_at += (size_t)n;
    if (p->out_at < p->out_bytes) return 0;
    free(p->out);
    p->out = NULL;
    if (p->closing) return -1;
    watch(p, EPOLLIN);
    return 0;
}

/* Turns the whole frames in `data` into their echo, in place at its start. Returns the bytes used, -1 for an unmasked frame. */
static ssize_t echo(Peer *p, uint8_t *data, size_t bytes, size_t *answer_bytes)
{
    size_t at = 0, out = 0;
    while (at < bytes && !p->closing) {
        uint64_t payload;
        int header = frame_parse(data + at, bytes - at, &payload);
        if (!header || bytes - at - (size_t)header < payload) break;
        if (!(data[at + 1] & 0x80)) return -1;
        uint8_t first = data[at], mask[4];
        memcpy(mask, data + at + header - 4, 4);
        at += (size_t)header;
        if ((first & 15) == OP_PING) first = 0x80 | OP_PONG;
        else if ((first & 15) == OP_CLOSE) p->closing = 1;
        if ((data[at - (size_t)header] & 15) != OP_PONG) {
            out += frame_header(data + out, first, payload, NULL);
            unmask(data + out, data + at, payload, mask);
            out += payload;
        }
        at += payload;
    }
    *answer_bytes = out;
    return (ssize_t)at;
}

static ssize_t upgrade(Peer *p, const uint8_t *data, size_t bytes)
{
    const char *end = memmem(data, bytes, "\r\n\r\n", 4), *line = (const char *)data;
    if (!end) return bytes > HEAD_BYTES * 4 ? -1 : 0;
    for (; line < end; line = (const char *)memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2) {
        if (strncasecmp(line, "sec-websocket-key:", 18)) continue;
        const char *key = line + 18, *stop = memchr(key, '\r', (size_t)(end + 1 - key));
        while (*key == ' ') key++;
        char accept[29], answer[160];
        accept_value(key, (size_t)(stop - key), accept);
        int n = snprintf(answer, sizeof answer,
                         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
        p->upgraded = 1;
        return say(p, (uint8_t *)answer, (size_t)n) ? -1 : end + 4 - (const char *)data;
    }
    return -1;
}

static int keep(Peer *p, const uint8_t *data, size_t bytes)
{
    uint64_t payload = 0;
    int header = p->upgraded ? frame_parse(data, bytes, &payload) : 0;
    size_t room = header ? (size_t)header + payload : HEAD_BYTES * 4;
    if (room > p->in_room) {
        uint8_t *grown = malloc(room);
        if (!grown) die("malloc");
        memcpy(grown, data, bytes);
        free(p->in);
        p->in = grown, p->in_room = room;
    } else {
        memmove(p->in, data, bytes);
    }
    p->in_bytes = bytes;
    return 0;
}

static int readable(Peer *p)
{
    uint8_t *data = p->in_bytes ? p->in : buffer;
    size_t room = p->in_bytes ? p->in_room : sizeof buffer;
    ssize_t n = recv(p->fd, data + p->in_bytes, room - p->in_bytes, 0);
    if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
    size_t bytes = p->in_bytes + (size_t)n, answer = 0;
    p->in_bytes = 0;
    if (!p->upgraded) {
        ssize_t head = upgrade(p, data, bytes);
        if (head < 0) return -1;
        data += head, bytes -= (size_t)head;
        if (!head) return keep(p, data, bytes);
    }
    ssize_t used = echo(p, data, bytes, &answer);
    if (used < 0 || (answer && say(p, data, answer))) return -1;
    if (p->closing && !p->out) return -1;
    return (size_t)used < bytes ? keep(p, data + used, bytes - (size_t)used) : 0;
}

static void welcome(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
        if (fd < 0) return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        Peer *p = calloc(1, sizeof *p);
        if (!p) die("calloc");
        p->fd = fd;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
    }
}

int worker_main(int port)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, size) || listen(listener, 4096)) die("listen");
    getsockname(listener, (struct sockaddr *)&at, &size);
    printf("port %d\n", ntohs(at.sin_port));
    fflush(stdout);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[256], e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            Peer *p = events[i].data.ptr;
            if (!p) welcome(listener);
            else if (p->out ? flush(p) : readable(p)) drop(p);
        }
    }
}
