#define _GNU_SOURCE
#include "agent.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define WATCHED_MAX 32
#define LISTENED_MAX 62
#define LOOK_MS 10
#define LOOKS 5

/* The kernel traces when a socket begins to listen; then the agent looks who does, while it waits for a
 * port. A few times, since the trace comes just before the socket is in the table. Where the kernel has no
 * such trace the agent looks all the time, which takes a tenth of an emulated guest: each look switches
 * processes, which empties the emulated TLB. Polling from the host would cost far more still: each try is a
 * connection. */
static int watched[WATCHED_MAX];
static size_t watching;
static int timer = -1;
static int trace = -1;
static int looks;
static char last[LISTENED_MAX * 32];

int ports_timer(void)
{
    if (timer < 0)
        timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return timer;
}

int ports_trace(void)
{
    return trace;
}

/* Called before disks and networks are there, so that it is in every layer. The mount is gone when an
 * application comes: it stays as it would be without us. */
void ports_open(void)
{
    mkdir("/trace", 0700);
    if (mount("tracefs", "/trace", "tracefs", 0, NULL))
        return;
    const char *listens = "newstate == 10"; /* TCP_LISTEN */
    if (!put("/trace/buffer_size_kb", "16") && !put("/trace/buffer_percent", "0") &&
        !put("/trace/events/sock/inet_sock_set_state/filter", listens) &&
        !put("/trace/events/sock/inet_sock_set_state/enable", "1"))
        trace = open("/trace/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    umount2("/trace", MNT_DETACH);
    rmdir("/trace");
}

static void rearm(void)
{
    const struct timespec every = {0, watching && looks ? LOOK_MS * 1000000 : 0};
    const struct itimerspec spec = {every, every};
    timerfd_settime(ports_timer(), 0, &spec, NULL);
}

void ports_watch(const char *port)
{
    if (watching < WATCHED_MAX)
        watched[watching++] = atoi(port);
    looks = LOOKS; /* it may listen already */
    rearm();
}

/* Something began to listen. */
void ports_heard(void)
{
    char ignored[4096];
    while (read(trace, ignored, sizeof ignored) > 0)
        ;
    looks = LOOKS;
    rearm();
    ports_look();
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
    if (read(ports_timer(), &times, sizeof times) > 0 && trace >= 0 && looks)
        looks--;
    if (!watching)
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
    if (!watching || !looks)
        rearm();
}
