/* Clients that lost their gateway come back through another one, with the SDK's back-off (moorage/backoff.py): a random part of
 * 0.25 s, doubled with each try up to 5 s, and never before a `Retry-After`.
 *
 * Answers "p50_us X p99_us X max_us X" of connect to 101, "back_p50_us X back_p99_us X back_max_us X" from the loss to the 101 that
 * ended it, and "refusals 503:NO_CAPACITY=N,…": status and code of each refusal. "unreached" is a connection refused by the
 * kernel, "cut" one that ended without any answer, and a status without a code has "-" for one. */
#define _GNU_SOURCE
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t MS = 1000000;
enum { MOST_PORTS = 16, MOST_REASONS = 64, REASON_BYTES = 48, MOST_SHIFT = 5 };

typedef struct {
    int64_t due_ns, lost_ns;
    size_t token;
    int tries;
} Away;

static Away *away;
static long away_count, away_room, back;
static int64_t next_due_ns = INT64_MAX, longest_ns, longest_back_ns;
static int ports[MOST_PORTS], port_count;
static Latencies admissions, returns;
static struct {
    char name[REASON_BYTES];
    long count;
} reasons[MOST_REASONS];

void roam_begin(long wanted, const char *listed)
{
    away_count = back = 0;
    next_due_ns = INT64_MAX;
    longest_ns = longest_back_ns = 0;
    memset(&admissions, 0, sizeof admissions);
    memset(&returns, 0, sizeof returns);
    memset(reasons, 0, sizeof reasons);
    (void)wanted;
    char *end;
    for (port_count = 0; port_count < MOST_PORTS && *listed >= '0' && *listed <= '9'; listed = *end == ',' ? end + 1 : end)
        ports[port_count++] = (int)strtol(listed, &end, 10);
    if (!port_count) die("roam needs ports");
}

static double chance(void)
{
    return (double)random() / ((double)RAND_MAX + 1);
}

void roam_away(size_t token, int64_t lost_ns, int tries, double retry_after)
{
    double ceiling = 0.25 * (double)(1 << (tries > MOST_SHIFT ? MOST_SHIFT : tries)), more = retry_after / 4;
    if (ceiling > 5) ceiling = 5;
    double wait = retry_after > 0 ? retry_after + (more > ceiling ? more : ceiling) * chance() : ceiling * chance();
    if (away_count == away_room) away = realloc(away, (size_t)(away_room = away_room ? away_room * 2 : 1024) * sizeof *away);
    if (!away) die("realloc");
    Away *one = &away[away_count++];
    *one = (Away){.due_ns = now_ns() + (int64_t)(wait * 1e9), .lost_ns = lost_ns, .token = token, .tries = tries};
    if (one->due_ns < next_due_ns) next_due_ns = one->due_ns;
}

void roam_back(Connection *c)
{
    int64_t now = now_ns();
    if (!c->lost_ns) return;
    back++;
    latencies_add(&admissions, now - c->started_ns);
    latencies_add(&returns, now - c->lost_ns);
    if (now - c->started_ns > longest_ns) longest_ns = now - c->started_ns;
    if (now - c->lost_ns > longest_back_ns) longest_back_ns = now - c->lost_ns;
}

static void count(const char *name)
{
    for (int i = 0; i < MOST_REASONS; i++) {
        if (reasons[i].count && strcmp(reasons[i].name, name)) continue;
        snprintf(reasons[i].name, REASON_BYTES, "%s", name);
        reasons[i].count++;
        return;
    }
}

void roam_refused(Connection *c, State was)
{
    char name[REASON_BYTES] = "unreached";
    double retry_after = 0;
    if (was != CONNECTING) snprintf(name, sizeof name, "cut");
    if (c->head_bytes) {
        const char *code = strstr(c->head, "\"code\":"), *later = strcasestr(c->head, "\r\nretry-after:");
        char said[32] = "-";
        if (code) sscanf(code, "\"code\":%*[ \"]%31[A-Z_]", said);
        snprintf(name, sizeof name, "%.3s:%s", c->head_bytes > 12 ? c->head + 9 : "???", said);
        if (later) retry_after = atof(later + strlen("\r\nretry-after:"));
    }
    count(name);
    roam_away(c->token, c->lost_ns, c->tries + 1, retry_after);
}

void roam_step(int64_t now)
{
    if (now < next_due_ns) return;
    next_due_ns = INT64_MAX;
    long left = 0, due = away_count;
    Away *list = malloc((size_t)due * sizeof *list); /* what is refused at once is away again, behind those */
    if (!list) die("malloc");
    memcpy(list, away, (size_t)due * sizeof *list);
    away_count = 0;
    for (long i = 0; i < due; i++) {
        int is_due = list[i].due_ns <= now;
        if (is_due && connection_return(list[i].token, ports[random() % port_count], list[i].lost_ns, list[i].tries)) continue;
        if (is_due) continue; /* refused at once: roam_refused has it, or there was no descriptor */
        away[away_count++] = list[i];
        if (list[i].due_ns < next_due_ns) next_due_ns = list[i].due_ns;
        left++;
    }
    free(list);
}

int64_t roam_due_ns(void)
{
    return next_due_ns / MS * MS;
}

long roam_count_back(void)
{
    return back;
}

void roam_report(void)
{
    printf("p50_us %.1f p99_us %.1f max_us %.1f ", latencies_us(&admissions, 0.5), latencies_us(&admissions, 0.99), (double)longest_ns / 1e3);
    printf("back_p50_us %.1f back_p99_us %.1f back_max_us %.1f refusals ", latencies_us(&returns, 0.5), latencies_us(&returns, 0.99),
           (double)longest_back_ns / 1e3);
    for (int i = 0; i < MOST_REASONS && reasons[i].count; i++) printf("%s%s=%ld", i ? "," : "", reasons[i].name, reasons[i].count);
    printf("\n");
}
