/* Frames between host and agent over one virtio-serial port.
 *
 * A frame is a 32-bit little-endian length and that many bytes of fields; a field is a 32-bit
 * little-endian length, its bytes and one NUL that the length does not count, so that text can be
 * used in place. The first field is the verb. Field bytes may hold anything (seeds, output).
 */
#ifndef UKROM_WIRE_H
#define UKROM_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define FIELDS_MAX 2048 /* 253 args, 253 environment entries, 8 ROMs and the rest, with room */

struct field {
    char *text;
    uint32_t size;
};

struct frame {
    char *bytes;
    size_t count;
    struct field fields[FIELDS_MAX];
};

/* Opens the port, waiting until the driver has made its node. */
int wire_open(void);

/* Reads what the port has; returns -1 at end of file: the host side is not connected. */
int wire_fill(void);

/* Takes the next whole frame out of what was read; returns 0 when there is none. The frame is valid
 * until the next call. */
int wire_next(struct frame *frame);

/* Sends a verb and `count` fields. */
void wire_send_fields(const char *verb, const struct field *fields, size_t count);

/* Sends a verb and text fields, ended by NULL. */
void wire_send(const char *verb, ...);

#endif
