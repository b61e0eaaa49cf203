#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

_Noreturn void die(const char *what)
{
    dprintf(2, "ukrom agent: %s: %m\n", what);
    sync();
    reboot(RB_AUTOBOOT);
    _exit(1);
}

void fail(const char *what, const char *subject)
{
    char text[512];
    int error = errno;
    snprintf(text, sizeof text, "%s %.300s: %s", what, subject, strerror(error));
    dprintf(2, "%s\n", text);
    wire_send("failed", text, NULL);
}

int put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    ssize_t size = (ssize_t)strlen(text), written = write(fd, text, (size_t)size);
    close(fd);
    return written == size ? 0 : -1;
}

int get(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, size - 1);
    close(fd);
    text[got > 0 ? got : 0] = 0;
    return got < 0 ? -1 : 0;
}

void make_folders(const char *path)
{
    char part[4096];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = part + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        mkdir(part, 0755);
    }
    mkdir(part, 0755);
}

static void uptime_us(char *text, size_t size)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    snprintf(text, size, "%lld", t.tv_sec * 1000000ll + t.tv_nsec / 1000);
}

/* What `start` tells: pairs of a key and its value; `name` and `at` belong to the `rom` before. */
struct order {
    struct launch launch;
    const char *hostname, *hosts, *time, *address, *gateway;
    struct field seed;
    struct {
        int slot, index;
        const char *name, *at;
    } roms[16];
    size_t count;
};

static void take(struct order *order, const char *key, const struct field *value)
{
    char *text = value->text;
    if (!strcmp(key, "arg"))
        launch_arg(&order->launch, text);
    else if (!strcmp(key, "env"))
        launch_env(&order->launch, text);
    else if (!strcmp(key, "hostname"))
        order->hostname = text;
    else if (!strcmp(key, "hosts"))
        order->hosts = text;
    else if (!strcmp(key, "time"))
        order->time = text;
    else if (!strcmp(key, "seed"))
        order->seed = *value;
    else if (!strcmp(key, "address"))
        order->address = text;
    else if (!strcmp(key, "gateway"))
        order->gateway = text;
    else if (!strcmp(key, "rom") && order->count < 16)
        sscanf(text, "%d %d", &order->roms[order->count].slot, &order->roms[order->count].index), order->count++;
    else if (!strcmp(key, "name") && order->count)
        order->roms[order->count - 1].name = text;
    else if (!strcmp(key, "at") && order->count)
        order->roms[order->count - 1].at = text;
}

/* What is the same for every instance, or is only written over later, is done before a layer is saved. */
static void prepare(const struct frame *frame)
{
    static struct order order;
    memset(&order, 0, sizeof order);
    for (size_t i = 1; i + 1 < frame->count; i += 2)
        take(&order, frame->fields[i].text, &frame->fields[i + 1]);
    boot_network(order.address, order.gateway);
    boot_identity(order.hostname, order.hosts);
    wire_send("prepared", NULL);
}

static int attach_all(const struct order *order)
{
    for (size_t i = 0; i < order->count; i++)
        if (rom_attach(order->roms[i].slot, order->roms[i].index, order->roms[i].name, order->roms[i].at)) {
            fail("cannot attach ROM", order->roms[i].name);
            return -1;
        }
    return 0;
}

static void start(const struct frame *frame)
{
    static struct order order;
    memset(&order, 0, sizeof order);
    for (size_t i = 1; i + 1 < frame->count; i += 2)
        take(&order, frame->fields[i].text, &frame->fields[i + 1]);
    warm_stop();
    boot_time_and_chance(order.time, &order.seed);
    boot_network(order.address, order.gateway);
    boot_identity(order.hostname, order.hosts);
    if (attach_all(&order))
        return;
    char now[32];
    uptime_us(now, sizeof now);
    wire_send("mounted", now, NULL);
    if (app_start(&order.launch)) {
        fail("cannot run", order.launch.argv[0]);
        return;
    }
    uptime_us(now, sizeof now);
    wire_send("running", now, NULL);
}

static void obey(const struct frame *frame)
{
    const char *verb = frame->fields[0].text;
    if (!strcmp(verb, "root") && frame->count == 2) {
        if (boot_root(frame->fields[1].text))
            fail("cannot mount the root file system,", frame->fields[1].text);
        else
            wire_send("root", NULL);
    } else if (!strcmp(verb, "wake"))
        wire_send("awake", NULL);
    else if (!strcmp(verb, "prepare"))
        prepare(frame);
    else if (!strcmp(verb, "warm") && frame->count > 2)
        warm(frame);
    else if (!strcmp(verb, "start"))
        start(frame);
    else if (!strcmp(verb, "watch") && frame->count == 2)
        ports_watch(frame->fields[1].text);
    else if (!strcmp(verb, "stop") && frame->count == 2)
        app_stop(atol(frame->fields[1].text));
    else if (!strcmp(verb, "exec") && frame->count > 2)
        exec_start(frame);
    else
        dprintf(2, "ukrom agent: unknown request %s\n", verb);
}

static void reap(int signals)
{
    struct signalfd_siginfo ignored;
    while (read(signals, &ignored, sizeof ignored) > 0)
        ;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (!app_reap(pid, status) && !warm_reap(pid, status))
            exec_reap(pid, status);
}

static void console_setup(void)
{
    int console = open("/dev/console", O_RDWR | O_NOCTTY);
    for (int fd = 0; fd < 3; fd++)
        dup2(console, fd);
    struct termios mode;
    if (!tcgetattr(1, &mode)) {
        mode.c_oflag &= (tcflag_t)~ONLCR; /* logs hold what the application wrote */
        tcsetattr(1, TCSANOW, &mode);
    }
}

static void serve(int port, int signals)
{
    static struct frame frame;
    for (;;) {
        struct pollfd polled[5 + 2 * EXECS_MAX] = {{.fd = port, .events = POLLIN},
                                                   {.fd = signals, .events = POLLIN},
                                                   {.fd = app_timer(), .events = POLLIN},
                                                   {.fd = ports_timer(), .events = POLLIN},
                                                   {.fd = ports_trace(), .events = POLLIN}};
        size_t execs = exec_poll(polled + 5);
        if (poll(polled, 5 + execs, -1) < 0)
            continue;
        if (polled[0].revents) {
            const struct timespec pause = {0, 2000000};
            if (wire_fill())
                nanosleep(&pause, NULL); /* end of file only means: the host is not connected yet */
            while (wire_next(&frame))
                obey(&frame);
        }
        exec_ready(polled + 5, execs);
        if (polled[1].revents)
            reap(signals);
        if (polled[2].revents)
            app_deadline();
        if (polled[3].revents)
            ports_look();
        if (polled[4].revents)
            ports_heard();
    }
}

/* Outside of a guest this program measures the processor's time stamp counter, for the kernel
 * command line of emulated guests: prints its frequency in kHz. */
static int measure_tsc(void)
{
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    unsigned long long first = __builtin_ia32_rdtsc();
    double ns;
    do {
        clock_gettime(CLOCK_MONOTONIC, &to);
        ns = (to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec);
    } while (ns < 50e6);
    printf("%.0f\n", (__builtin_ia32_rdtsc() - first) / (ns / 1e6));
    return 0;
}

int main(void)
{
    if (getpid() != 1)
        return measure_tsc();
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    console_setup();
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    boot_modules();
    ports_open();
    int port = wire_open();
    char now[32];
    uptime_us(now, sizeof now);
    wire_send("ready", now, NULL);
    serve(port, signals);
}
