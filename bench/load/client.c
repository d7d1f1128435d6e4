/* The client: one command a line on stdin, one answer a line on stdout. Between commands pings are still answered.
 *
 *   open N WIDTH            opens N more connections, at most WIDTH at once, until each has its 101
 *   trip WIDTH              one round trip on each open connection
 *   go SECONDS              closed loop, one message in flight on each open connection
 *   churn N WIDTH           N times open, one round trip, polite close
 *   rate PER_SECOND SECONDS the same at a fixed offered rate; latency counts from when each was due
 *   close                   polite close of all
 *   watch SECONDS           waits until the other side has closed all, and says with which codes and when the last one was
 *   roam N SECONDS PORT,…   answers "roaming"; whoever is lost from then on comes back through one of the ports, until N are back
 *   cipher                  what TLS agreed on
 *
 * Answers: "done N errors N cpu_ms X p50_us X p99_us X", with latency from connect to 101 for open, churn and rate, else of the
 * round trip; watch answers "done 0 errors STILL_OPEN cpu_ms X last_ns T codes 4502=N,…" on CLOCK_MONOTONIC (1006: no close
 * frame came); roam answers as roam.c says. */
#define _GNU_SOURCE
#include "client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static const int64_t SECOND = 1000000000;
static const uint64_t STDIN = UINT64_MAX;

typedef enum { IDLE, OPENING, TRIPPING, GOING, CHURNING, CLOSING, WATCHING, ROAMING } Kind;

static struct {
    Kind kind;
    long wanted, begun, done, errors, in_progress, width;
    int cursor;
    double per_second; /* 0: closed loop */
    int64_t started_ns, until_ns, deadline_ns;
    double cpu_ms_before;
    Latencies latencies;
} command;
static long gone_by_code[65536];
static int64_t last_gone_ns;

static void begin(Kind kind, long wanted, long width, double seconds)
{
    memset(&command, 0, sizeof command);
    command.kind = kind;
    command.wanted = wanted;
    command.width = width < 1 ? 1 : width;
    command.started_ns = now_ns();
    command.until_ns = command.started_ns + (int64_t)(seconds * (double)SECOND);
    command.deadline_ns = command.until_ns + 10 * SECOND;
    command.cpu_ms_before = cpu_ms();
}

static void answer(void)
{
    printf("done %ld errors %ld cpu_ms %.3f ", command.done, command.errors + command.in_progress, cpu_ms() - command.cpu_ms_before);
    if (command.kind == WATCHING) {
        printf("last_ns %lld codes ", (long long)last_gone_ns);
        for (int code = 0, some = 0; code < 65536; code++)
            if (gone_by_code[code]) printf("%s%d=%ld", some++ ? "," : "", code, gone_by_code[code]);
        printf("\n");
    } else if (command.kind == ROAMING) {
        roam_report();
    } else {
        printf("p50_us %.1f p99_us %.1f\n", latencies_us(&command.latencies, 0.5), latencies_us(&command.latencies, 0.99));
    }
    fflush(stdout);
    command.kind = IDLE;
}

void on_open(Connection *c)
{
    if (command.kind == ROAMING) roam_back(c);
    if (command.kind == CHURNING || command.kind == OPENING) latencies_add(&command.latencies, now_ns() - c->started_ns);
    if (command.kind == CHURNING) connection_trip(c);
    if (command.kind != OPENING) return;
    command.done++;
    command.in_progress--;
}

void on_echo(Connection *c)
{
    int64_t now = now_ns();
    if (command.kind == CHURNING) {
        connection_leave(c);
        return;
    }
    if (command.kind != GOING && command.kind != TRIPPING) return;
    latencies_add(&command.latencies, now - c->sent_ns);
    command.done++;
    if (command.kind == GOING && now < command.until_ns) connection_trip(c);
    else command.in_progress--;
}

void on_refused(Connection *c, State was)
{
    if (command.kind == ROAMING) roam_refused(c, was);
    if (command.kind != OPENING && command.kind != CHURNING) return;
    command.errors++;
    command.in_progress--;
}

void on_gone(Connection *c, State was)
{
    gone_by_code[c->closed_code ? c->closed_code : 1006]++;
    last_gone_ns = c->closed_ns ? c->closed_ns : now_ns();
    if (command.kind == ROAMING) roam_away(c->token, last_gone_ns, 0, 0);
    if (command.kind == CHURNING || command.kind == CLOSING) {
        if (was == LEAVING) command.done++;
        else command.errors++;
        command.in_progress--;
    } else if ((command.kind == GOING || command.kind == TRIPPING) && c->in_flight) {
        command.errors++;
        command.in_progress--;
    }
}

static int64_t due_ns(void)
{
    return command.started_ns + (int64_t)((double)command.begun / command.per_second * (double)SECOND);
}

static void connect_more(void)
{
    while (command.begun < command.wanted) {
        int64_t now = now_ns();
        if (command.per_second > 0 ? due_ns() > now : command.in_progress >= command.width) return;
        int64_t started = command.per_second > 0 ? due_ns() : now;
        long refused = command.errors;
        command.begun++;
        command.in_progress++;
        if (!connection_open(started) && command.errors == refused) {
            command.errors++;
            command.in_progress--;
        }
    }
}

static void each_open(void (*act)(Connection *), long width)
{
    for (; command.cursor < highest_used && command.in_progress < width; command.cursor++) {
        Connection *c = connection_at(command.cursor);
        if (c->state != OPEN || c->in_flight) continue;
        command.in_progress++;
        act(c);
    }
}

static int finished(int64_t now)
{
    switch (command.kind) {
    case OPENING: case CHURNING: return command.done + command.errors >= command.wanted;
    case TRIPPING: case CLOSING: return command.cursor >= highest_used && !command.in_progress;
    case GOING: return now >= command.until_ns && !command.in_progress;
    case ROAMING: return roam_count_back() >= command.wanted || now >= command.until_ns;
    case WATCHING: return !open_connections || now >= command.until_ns;
    default: return 0;
    }
}

static void step(void)
{
    if (command.kind == IDLE) return;
    if (command.kind == OPENING || command.kind == CHURNING) connect_more();
    if (command.kind == TRIPPING) each_open(connection_trip, command.width);
    if (command.kind == CLOSING) each_open(connection_leave, options->max_connections);
    int64_t now = now_ns();
    if (command.kind == WATCHING) command.errors = open_connections;
    if (command.kind == ROAMING) roam_step(now);
    if (command.kind == ROAMING) command.done = roam_count_back(), command.errors = command.wanted - command.done, command.in_progress = 0;
    if (finished(now) || now >= command.deadline_ns) answer();
}

static void obey(const char *line)
{
    long n, width;
    double number, seconds;
    int used = 0;
    if (sscanf(line, "open %ld %ld", &n, &width) == 2) {
        begin(OPENING, n, width, 60);
        memset(gone_by_code, 0, sizeof gone_by_code);
    } else if (sscanf(line, "trip %ld", &width) == 1) {
        begin(TRIPPING, 0, width, 20);
    } else if (sscanf(line, "go %lf", &seconds) == 1) {
        begin(GOING, 0, options->max_connections, seconds);
        each_open(connection_trip, options->max_connections);
    } else if (sscanf(line, "churn %ld %ld", &n, &width) == 2) {
        begin(CHURNING, n, width, 300);
    } else if (sscanf(line, "rate %lf %lf", &number, &seconds) == 2) {
        begin(CHURNING, (long)(number * seconds), 1, seconds);
        command.per_second = number;
    } else if (!strncmp(line, "close", 5)) {
        begin(CLOSING, 0, 1, 0);
    } else if (sscanf(line, "roam %ld %lf %n", &n, &seconds, &used) == 2) {
        begin(ROAMING, n, 1, seconds);
        roam_begin(n, line + used);
        printf("roaming\n");
        fflush(stdout);
    } else if (sscanf(line, "watch %lf", &seconds) == 1) {
        begin(WATCHING, 0, 1, seconds);
    } else if (!strncmp(line, "cipher", 6)) {
        Connection *c = connection_at(0);
        printf("%s\n", c->tls ? tls_cipher(c->tls) : "none");
        fflush(stdout);
    } else {
        fprintf(stderr, "not a command: %s", line);
        exit(2);
    }
}

static int wait_ms(void)
{
    int64_t until = command.deadline_ns, now = now_ns();
    if (command.kind == IDLE) return -1;
    if (command.kind == GOING || command.kind == WATCHING || command.kind == ROAMING) until = now < command.until_ns ? command.until_ns : command.deadline_ns;
    if (command.kind == ROAMING && roam_due_ns() < until) until = roam_due_ns();
    return until <= now ? 0 : (int)((until - now) / 1000000) + 1;
}

/* A millisecond is too coarse for an offered rate, and epoll_pwait2 too new for some systems. */
static int wait_until_due(void)
{
    int64_t left = due_ns() - now_ns();
    struct timespec t = {.tv_sec = left / SECOND, .tv_nsec = left % SECOND};
    struct pollfd ready = {.fd = epoll, .events = POLLIN};
    if (left > 0) ppoll(&ready, 1, &t, NULL);
    return 0;
}

static void listen_to_stdin(void)
{
    static char line[256];
    static size_t bytes;
    ssize_t n = read(0, line + bytes, sizeof line - 1 - bytes);
    if (n <= 0) exit(0);
    line[bytes += (size_t)n] = 0;
    if (!strchr(line, '\n')) return;
    bytes = 0;
    obey(line);
}

int client_main(const ClientOptions *given)
{
    options = given;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    connections_start();
    struct epoll_event events[256], e = {.events = EPOLLIN, .data.u64 = STDIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &e);
    for (;;) {
        int is_due = command.kind == CHURNING && command.per_second > 0 && command.begun < command.wanted;
        int n = epoll_wait(epoll, events, 256, is_due ? wait_until_due() : wait_ms());
        for (int i = 0; i < n; i++) {
            if (events[i].data.u64 == STDIN) listen_to_stdin();
            else connection_event(events[i].data.u64, events[i].events);
        }
        step();
    }
}
