#define _GNU_SOURCE
#include "agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define WATCHED_MAX 32
#define LISTENED_MAX 62
#define LOOK_MS 10

/* Nothing tells when a socket begins to listen, so the agent looks, but only while it waits for a
 * port. Polling from the host would cost far more: each try is a connection. */
static int watched[WATCHED_MAX];
static size_t watching;
static int timer = -1;
static char last[LISTENED_MAX * 32];

int ports_timer(void)
{
    if (timer < 0)
        timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return timer;
}

static void rearm(void)
{
    const struct timespec every = {0, watching ? LOOK_MS * 1000000 : 0};
    const struct itimerspec spec = {every, every};
    timerfd_settime(ports_timer(), 0, &spec, NULL);
}

void ports_watch(const char *port)
{
    if (watching < WATCHED_MAX)
        watched[watching++] = atoi(port);
    rearm();
}

struct listened {
    char text[LISTENED_MAX][32];
    size_t count;
};

/* A socket bound to loopback cannot be reached from outside: it is listed with its address, so
 * that the host can say what is wrong. */
static void add(struct listened *listened, unsigned port, int loopback)
{
    if (listened->count == LISTENED_MAX)
        return;
    char *text = listened->text[listened->count];
    snprintf(text, 32, loopback ? "127.0.0.1:%u" : "%u", port);
    for (size_t i = 0; i < listened->count; i++)
        if (!strcmp(listened->text[i], text))
            return;
    listened->count++;
}

static void read_table(const char *path, struct listened *listened)
{
    char line[512], address[64];
    unsigned port, state;
    FILE *table = fopen(path, "re");
    if (!table)
        return;
    while (fgets(line, sizeof line, table)) {
        if (sscanf(line, " %*[^:]: %63[0-9A-F]:%x %*s %x", address, &port, &state) != 3 || state != 0x0A)
            continue;
        int loopback = !strcmp(address, "0100007F") || !strcmp(address, "00000000000000000000000001000000");
        add(listened, port, loopback);
    }
    fclose(table);
}

static void tell(const struct listened *listened)
{
    struct field fields[LISTENED_MAX];
    char all[sizeof last] = "";
    for (size_t i = 0; i < listened->count; i++) {
        fields[i] = (struct field){(char *)listened->text[i], (uint32_t)strlen(listened->text[i])};
        strcat(strcat(all, listened->text[i]), " ");
    }
    if (!strcmp(all, last))
        return;
    strcpy(last, all);
    wire_send_fields("ports", fields, listened->count);
}

void ports_look(void)
{
    uint64_t times;
    if (read(ports_timer(), &times, sizeof times) < 0 && !watching)
        return;
    static struct listened listened;
    listened.count = 0;
    read_table("/proc/net/tcp", &listened);
    read_table("/proc/net/tcp6", &listened);
    tell(&listened);
    for (size_t w = 0; w < watching;) {
        char port[16];
        size_t i = 0;
        snprintf(port, sizeof port, "%d", watched[w]);
        while (i < listened.count && strcmp(listened.text[i], port))
            i++;
        if (i == listened.count) {
            w++;
            continue;
        }
        wire_send("listening", port, NULL);
        watched[w] = watched[--watching];
    }
    if (!watching)
        rearm();
}
