#define _GNU_SOURCE
#include "agent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* One command beside the application. It is done when it was reaped and both pipes are empty. */
struct exec {
    char id[40];
    pid_t pid;
    int pipes[2]; /* stdout, stderr; -1 once at end of file */
    int status;
    int reaped;
};

static struct exec execs[EXECS_MAX];

static void refuse(const char *id, const char *why)
{
    wire_send("output", id, "stderr", why, NULL);
    wire_send("done", id, "127", NULL);
}

static struct exec *vacant(void)
{
    for (int i = 0; i < EXECS_MAX; i++)
        if (!execs[i].pid)
            return &execs[i];
    return NULL;
}

/* `exec id`, then pairs of `arg`|`env` and text. */
void exec_start(const struct frame *frame)
{
    static struct launch launch;
    launch_read(&launch, frame, 2);
    const char *id = frame->fields[1].text;
    struct exec *exec = vacant();
    int out[2], err[2];
    if (!exec) {
        char why[64];
        snprintf(why, sizeof why, "too many commands at once: %d are running\n", EXECS_MAX);
        refuse(id, why);
        return;
    }
    if (!launch.args || pipe2(out, O_CLOEXEC)) {
        refuse(id, launch.args ? "no more pipes\n" : "no command\n");
        return;
    }
    if (pipe2(err, O_CLOEXEC)) {
        close(out[0]);
        close(out[1]);
        refuse(id, "no more pipes\n");
        return;
    }
    pid_t pid = launch_start(&launch, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    if (pid < 0) {
        char why[512];
        snprintf(why, sizeof why, "%.400s: %m\n", launch.argv[0]);
        close(out[0]);
        close(err[0]);
        refuse(id, why);
        return;
    }
    *exec = (struct exec){.pid = pid, .pipes = {out[0], err[0]}};
    snprintf(exec->id, sizeof exec->id, "%s", id);
}

static void finish(struct exec *exec)
{
    if (!exec->reaped || exec->pipes[0] >= 0 || exec->pipes[1] >= 0)
        return;
    char code[16];
    int status = exec->status;
    snprintf(code, sizeof code, "%d", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    wire_send("done", exec->id, code, NULL);
    exec->pid = 0;
}

int exec_reap(pid_t pid, int status)
{
    for (int i = 0; i < EXECS_MAX; i++)
        if (execs[i].pid == pid && !execs[i].reaped) {
            execs[i].status = status;
            execs[i].reaped = 1;
            finish(&execs[i]);
            return 1;
        }
    return 0;
}

size_t exec_poll(struct pollfd *polled)
{
    size_t count = 0;
    for (int i = 0; i < EXECS_MAX; i++)
        for (int p = 0; p < 2 && execs[i].pid; p++)
            if (execs[i].pipes[p] >= 0)
                polled[count++] = (struct pollfd){.fd = execs[i].pipes[p], .events = POLLIN};
    return count;
}

static void drain(struct exec *exec, int which)
{
    char bytes[16384];
    ssize_t got = read(exec->pipes[which], bytes, sizeof bytes);
    if (got > 0) {
        char *stream = which ? "stderr" : "stdout";
        struct field fields[] = {{exec->id, (uint32_t)strlen(exec->id)},
                                 {stream, (uint32_t)strlen(stream)},
                                 {bytes, (uint32_t)got}};
        wire_send_fields("output", fields, 3);
        return;
    }
    close(exec->pipes[which]);
    exec->pipes[which] = -1;
    finish(exec);
}

void exec_ready(const struct pollfd *polled, size_t count)
{
    for (size_t n = 0; n < count; n++)
        for (int i = 0; polled[n].revents && i < EXECS_MAX; i++)
            for (int p = 0; p < 2 && execs[i].pid; p++)
                if (execs[i].pipes[p] == polled[n].fd)
                    drain(&execs[i], p);
}
