/* The guest agent: PID 1 of every machine.
 *
 * It loads the modules of its initramfs, says `ready`, and then does what the host asks, in phases
 * that can each be the end of a snapshot layer:
 *
 *   ready      kernel booted, drivers loaded, every disk still unbound
 *   root       the image's root file system mounted, and the agent moved into it
 *   prepare    what all instances of an image have alike, before a layer of it is saved
 *   wake       a restored guest says `awake`: from here on it is a guest of its own
 *   start      clock, random numbers, names and ROMs of this one instance; the application runs
 *
 * agent.c  the event loop             wire.c     frames to and from the host
 * boot.c   modules, root, network     devices.c  disks: bind, name, mount
 * app.c    the application            exec.c     commands beside it
 * ports.c  who listens where          warm.c     what an image's program reads first
 */
#ifndef UKROM_AGENT_H
#define UKROM_AGENT_H

#include "wire.h"

#include <stddef.h>
#include <sys/types.h>

/* Says on the console what failed, with errno, and reboots: without the agent there is no machine. */
_Noreturn void die(const char *what);
/* Tells the host that a start cannot succeed, and why; errno is appended. */
void fail(const char *what, const char *subject);

int put(const char *path, const char *text);
int get(const char *path, char *text, size_t size);
void make_folders(const char *path);

/* boot.c */
void boot_modules(void);
int boot_root(const char *type);
const char *boot_root_type(void);
void boot_network(const char *address, const char *gateway);
void boot_identity(const char *hostname, const char *hosts);
void boot_time_and_chance(const char *nanoseconds, const struct field *seed);

/* devices.c: slot 0 is the root file system, 1 to 8 are ROMs, then volumes. */
int device_bind(int slot, char *name, size_t size);
int device_node(int slot, int index);
int rom_attach(int slot, int index, const char *name, const char *at);

/* app.c */
struct launch {
    char *argv[FIELDS_MAX], *envp[FIELDS_MAX];
    size_t args, envs;
};
void launch_arg(struct launch *launch, char *text);
void launch_env(struct launch *launch, char *text);
/* Reads a frame's pairs of `arg`|`env` and text, from a field on. */
void launch_read(struct launch *launch, const struct frame *frame, size_t from);
/* Starts a program in the root of the instance; on failure returns -1 and errno. */
pid_t launch_start(struct launch *launch, int out, int err);
int app_start(struct launch *launch);
int app_reap(pid_t pid, int status);
void app_stop(long grace_ms);
void app_deadline(void);
int app_timer(void);

/* exec.c */
void exec_start(const struct frame *frame);
int exec_reap(pid_t pid, int status);
#define EXECS_MAX 16
struct pollfd;
size_t exec_poll(struct pollfd *polled);
void exec_ready(const struct pollfd *polled, size_t count);

/* warm.c */
void warm(const struct frame *frame);
int warm_reap(pid_t pid, int status);
void warm_stop(void);

/* ports.c */
void ports_open(void);
int ports_trace(void);
void ports_heard(void);
void ports_watch(const char *port);
int ports_timer(void);
void ports_look(void);

#endif
