/* What the client's connections (connection.c) and its commands (client.c) share. */
#ifndef MOORAGE_CLIENT_H
#define MOORAGE_CLIENT_H

#include "load.h"

typedef enum { FREE, CONNECTING, SECURING, UPGRADING, OPEN, LEAVING } State;

typedef struct {
    int fd;
    State state;
    uint32_t generation, events;
    int in_flight, closed_code; /* code of the close frame the other side sent; 0 none */
    Tls *tls;
    int64_t started_ns, sent_ns, closed_ns; /* closed: when the other side's close frame came */
    const uint8_t *out; /* what is being written: the request or the shared message */
    size_t out_bytes;
    char *request;
    uint8_t control[CONTROL_BYTES + 8]; /* an answer to a ping or a close, written between messages */
    size_t control_bytes;
    uint8_t header[16], incoming[CONTROL_BYTES]; /* the frame being read */
    size_t header_bytes, incoming_bytes;
    uint64_t payload_left;
    char head[1024]; /* the answer to the upgrade */
    size_t head_bytes;
} Connection;

/* connection.c */
extern const ClientOptions *options;
extern int epoll, open_connections, highest_used; /* every connection in use has an index below highest_used */
void connections_start(void);
Connection *connection_open(int64_t started_ns); /* NULL when there is no room or no descriptor */
void connection_event(uint64_t tag, uint32_t events);
void connection_trip(Connection *c); /* sends one message; done when its echo is there */
void connection_leave(Connection *c); /* close frame first; gone when the other side closes */
void connection_drop(Connection *c);
Connection *connection_at(int index);

/* client.c is told */
void on_open(Connection *c);
void on_echo(Connection *c);
void on_refused(Connection *c); /* before it was open */
void on_gone(Connection *c, State was); /* after it was open */

#endif
