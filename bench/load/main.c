#define _GNU_SOURCE
#include "load.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static const char *option(int count, char **words, const char *name, const char *otherwise)
{
    for (int i = 2; i + 1 < count; i++)
        if (!strcmp(words[i], name)) return words[i + 1];
    return otherwise;
}

static int usage(void)
{
    fprintf(stderr, "load worker [--port P]\n"
                    "load client --port P [--host H] [--tls 1] [--bytes 256] [--max 20000] [--tokens FILE] [--path /] [--close-code 1000]\n");
    return 2;
}

int main(int count, char **words)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlives the bench */
    signal(SIGPIPE, SIG_IGN);
    mallopt(M_MMAP_THRESHOLD, 64 << 20); /* large messages come from the heap and stay there: no page faults in every trip */
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    if (count > 1 && !strcmp(words[1], "worker")) return worker_main(atoi(option(count, words, "--port", "0")));
    if (count < 2 || strcmp(words[1], "client")) return usage();
    ClientOptions options = {
        .host = option(count, words, "--host", "127.0.0.1"),
        .tokens = option(count, words, "--tokens", NULL),
        .path = option(count, words, "--path", "/"),
        .port = atoi(option(count, words, "--port", "0")),
        .tls = atoi(option(count, words, "--tls", "0")),
        .max_connections = atoi(option(count, words, "--max", "20000")),
        .close_code = atoi(option(count, words, "--close-code", "1000")),
        .message_bytes = (size_t)atoll(option(count, words, "--bytes", "256")),
    };
    return options.port ? client_main(&options) : usage();
}
