#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t app;
static int timer = -1;

void launch_arg(struct launch *launch, char *text)
{
    if (launch->args < FIELDS_MAX - 1)
        launch->argv[launch->args++] = text;
}

/* Later values of a name replace earlier ones. */
void launch_env(struct launch *launch, char *text)
{
    size_t name = strcspn(text, "=") + 1;
    for (size_t i = 0; i < launch->envs; i++)
        if (!strncmp(launch->envp[i], text, name)) {
            launch->envp[i] = text;
            return;
        }
    if (launch->envs < FIELDS_MAX - 1)
        launch->envp[launch->envs++] = text;
}

void launch_read(struct launch *launch, const struct frame *frame, size_t from)
{
    memset(launch, 0, sizeof *launch);
    for (size_t i = from; i + 1 < frame->count; i += 2) {
        if (!strcmp(frame->fields[i].text, "arg"))
            launch_arg(launch, frame->fields[i + 1].text);
        else if (!strcmp(frame->fields[i].text, "env"))
            launch_env(launch, frame->fields[i + 1].text);
    }
}

static _Noreturn void become(struct launch *launch, int out, int err, int report)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    int empty = open("/dev/null", O_RDONLY);
    dup2(empty, 0);
    dup2(out, 1);
    dup2(err, 2);
    for (size_t i = 0; i < launch->envs; i++)
        if (!strncmp(launch->envp[i], "PATH=", 5))
            putenv(launch->envp[i]); /* execvpe searches the caller's PATH, not the one it hands on */
    execvpe(launch->argv[0], launch->argv, launch->envp);
    int error = errno;
    if (write(report, &error, sizeof error) < 0)
        _exit(126);
    _exit(127);
}

pid_t launch_start(struct launch *launch, int out, int err)
{
    int report[2], error = 0;
    if (!launch->args) {
        errno = EINVAL;
        return -1;
    }
    if (pipe2(report, O_CLOEXEC))
        return -1;
    pid_t pid = fork();
    if (!pid)
        become(launch, out, err, report[1]);
    close(report[1]);
    if (pid > 0 && read(report[0], &error, sizeof error) > 0) {
        waitpid(pid, NULL, 0);
        errno = error;
        pid = -1;
    }
    close(report[0]);
    return pid;
}

int app_start(struct launch *launch)
{
    int console = open("/dev/console", O_WRONLY | O_CLOEXEC | O_NOCTTY);
    app = launch_start(launch, console, console);
    close(console);
    return app < 0 ? -1 : 0;
}

/* When the application ends, so does the machine. */
int app_reap(pid_t pid, int status)
{
    if (pid != app)
        return 0;
    char code[16];
    int exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    snprintf(code, sizeof code, "%d", exit_code);
    dprintf(2, "Application exited with 0x%x (exit code: %d)\n", (unsigned)status, exit_code);
    wire_send("exited", code, NULL);
    kill(-1, SIGKILL);
    /* The console ends with the line above, as on the platform: the kernel's `Restarting system` stays out. */
    put("/proc/sys/kernel/printk", "0");
    sync();
    reboot(RB_AUTOBOOT); /* QEMU runs with -no-reboot: this is the end of the process */
    return 1;
}

int app_timer(void)
{
    if (timer < 0)
        timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return timer;
}

void app_stop(long grace_ms)
{
    if (grace_ms <= 0)
        grace_ms = 1;
    struct itimerspec due = {.it_value = {grace_ms / 1000, grace_ms % 1000 * 1000000}};
    timerfd_settime(app_timer(), 0, &due, NULL);
    if (app > 0)
        kill(-app, SIGTERM);
    else
        reboot(RB_AUTOBOOT);
}

void app_deadline(void)
{
    uint64_t times;
    if (read(timer, &times, sizeof times) > 0)
        kill(-app, SIGKILL);
}
