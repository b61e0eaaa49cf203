#include "wire.h"

#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX (16u << 20) /* a request to the platform is at most 8 MB, and an instance starts with one frame */

static int port = -1;
static char *incoming;
static size_t have, room, consumed;

static uint32_t get32(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;
}

static void put32(char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(value >> (8 * i));
}

int wire_open(void)
{
    /* The console driver announces its ports from a work queue, some time after it was loaded. */
    const struct timespec pause = {0, 1000000};
    for (int tries = 0; tries < 10000; tries++) {
        port = open("/dev/vport0p1", O_RDWR | O_CLOEXEC);
        if (port >= 0)
            return port;
        nanosleep(&pause, NULL);
    }
    die("open /dev/vport0p1");
}

static int split(struct frame *frame, char *at, char *end)
{
    frame->count = 0;
    while (at < end) {
        if (end - at < 5 || frame->count == FIELDS_MAX)
            return -1;
        uint32_t size = get32(at);
        if (size > (size_t)(end - at) - 5)
            return -1;
        frame->fields[frame->count++] = (struct field){at + 4, size};
        at += 4 + size + 1;
    }
    return frame->count ? 0 : -1;
}

int wire_fill(void)
{
    if (have == room)
        incoming = realloc(incoming, room += 65536);
    if (room > FRAME_MAX || !incoming)
        die("frame too long");
    ssize_t got = read(port, incoming + have, room - have);
    if (got <= 0)
        return -1;
    have += (size_t)got;
    return 0;
}

int wire_next(struct frame *frame)
{
    if (consumed) {
        memmove(incoming, incoming + consumed, have -= consumed);
        consumed = 0;
    }
    if (have < 4 || have - 4 < get32(incoming))
        return 0;
    consumed = 4 + get32(incoming);
    if (split(frame, incoming + 4, incoming + consumed))
        die("malformed frame");
    return 1;
}

static void put_all(const char *bytes, size_t size)
{
    while (size) {
        ssize_t put = write(port, bytes, size);
        if (put < 0 && errno != EINTR && errno != EAGAIN)
            return; /* nobody listens: the host is gone and this machine with it */
        if (put > 0) {
            bytes += put;
            size -= (size_t)put;
        }
    }
}

void wire_send_fields(const char *verb, const struct field *fields, size_t count)
{
    size_t size = 4 + 5 + strlen(verb);
    for (size_t i = 0; i < count; i++)
        size += 5 + fields[i].size;
    char *bytes = calloc(1, size), *at = bytes + 4;
    put32(bytes, (uint32_t)(size - 4));
    for (size_t i = 0; i <= count; i++) {
        const char *text = i ? fields[i - 1].text : verb;
        uint32_t length = i ? fields[i - 1].size : (uint32_t)strlen(verb);
        put32(at, length);
        memcpy(at + 4, text, length);
        at += 4 + length + 1;
    }
    put_all(bytes, size);
    free(bytes);
}

void wire_send(const char *verb, ...)
{
    struct field fields[64];
    size_t count = 0;
    va_list rest;
    va_start(rest, verb);
    for (char *text; count < 64 && (text = va_arg(rest, char *)); count++)
        fields[count] = (struct field){text, (uint32_t)strlen(text)};
    va_end(rest);
    wire_send_fields(verb, fields, count);
}
