#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

double cpu_ms(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

void latencies_add(Latencies *l, int64_t ns)
{
    uint64_t v = ns < 32 ? 32 : (uint64_t)ns;
    int exponent = 63 - __builtin_clzll(v);
    l->count[exponent * 32 + (int)((v >> (exponent - 5)) & 31)]++;
    l->total++;
}

double latencies_us(const Latencies *l, double quantile)
{
    uint64_t want = (uint64_t)((double)l->total * quantile), seen = 0;
    for (int i = 0; i < 64 * 32; i++) {
        seen += l->count[i];
        if (seen > want) return (double)((uint64_t)(32 + i % 32) << (i / 32 - 5)) / 1e3;
    }
    return 0;
}

void die(const char *what)
{
    perror(what);
    exit(1);
}
