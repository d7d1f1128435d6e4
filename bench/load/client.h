/* What the client's connections (connection.c) and its commands (client.c) share. */
#ifndef MOORAGE_CLIENT_H
#define MOORAGE_CLIENT_H

#include "load.h"

typedef enum { FREE, CONNECTING, SECURING, UPGRADING, OPEN, LEAVING } State;

typedef struct {
    int fd;
    State state;
    uint32_t generation, events;
    size_t token; /* which line of the file: a client that comes back is the same session */
    int64_t lost_ns; /* when its last connection was lost; 0 for a first one */
    int tries, port; /* tries that came to nothing since */
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
Connection *connection_return(size_t token, int port, int64_t lost_ns, int tries); /* the same for one that was lost */
void connection_event(uint64_t tag, uint32_t events);
void connection_trip(Connection *c); /* sends one message; done when its echo is there */
void connection_leave(Connection *c); /* close frame first; gone when the other side closes */
void connection_drop(Connection *c);
Connection *connection_at(int index);

/* client.c is told */
void on_open(Connection *c);
void on_echo(Connection *c);
void on_refused(Connection *c, State was); /* before it was open */
void on_gone(Connection *c, State was); /* after it was open */

/* roam.c: clients that come back by themselves, as the SDK does */
void roam_begin(long wanted, const char *ports);
void roam_away(size_t token, int64_t lost_ns, int tries, double retry_after); /* tries again when its back-off is over */
void roam_back(Connection *c);
void roam_refused(Connection *c, State was);
void roam_step(int64_t now); /* opens what is due */
int64_t roam_due_ns(void); /* INT64_MAX: nobody is away */
long roam_count_back(void);
void roam_report(void); /* the end of the answer's line */

#endif
