#define _GNU_SOURCE
#include "agent.h"

#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A snapshot layer of an image holds in memory what its program reads first. The host says how to get it there:
 * commands that are run, and the program itself, which is only read and linked.
 *
 * All of that happens in namespaces of its own, over an upper layer of its own that goes with it: an instance that
 * starts from the layer later finds the image as it is on the disk, and nothing that ran before. What stays is the
 * page cache, which belongs to the file system below and not to a mount of it. */

#define SECONDS_MAX 60

static pid_t warming; /* one at a time */

static int make_view(void)
{
    if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC))
        return -1;
    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (mount("tmpfs", "/run", "tmpfs", 0, "mode=0755"))
        return -1;
    make_folders("/run/lower");
    make_folders("/run/upper");
    make_folders("/run/work");
    make_folders("/run/root");
    if (mount("/dev/ukp_rom0", "/run/lower", boot_root_type(), MS_RDONLY, NULL))
        return -1;
    return mount("overlay", "/run/root", "overlay", 0,
                 "lowerdir=/run/lower,upperdir=/run/upper,workdir=/run/work,redirect_dir=on");
}

static int enter_view(void)
{
    const char *boot_id = "/run/root/proc/sys/kernel/random/boot_id";
    make_folders("/run/root/dev");
    make_folders("/run/root/proc");
    make_folders("/run/root/sys");
    make_folders("/run/root/tmp");
    mount("/dev", "/run/root/dev", NULL, MS_BIND | MS_REC, NULL);
    mount("proc", "/run/root/proc", "proc", 0, NULL);
    mount("/sys", "/run/root/sys", NULL, MS_BIND | MS_RDONLY, NULL);
    /* The kernel draws the boot id when it is first read, and must not do so before an instance is one. */
    put("/run/boot_id", "00000000-0000-0000-0000-000000000000\n");
    if (mount("/run/boot_id", boot_id, NULL, MS_BIND, NULL))
        return -1;
    return chroot("/run/root") || chdir("/") ? -1 : 0;
}

/* The path of a program as execvpe would find it. */
static int find(const struct launch *launch, const char *name, char *path, size_t size)
{
    const char *search = "/usr/local/bin:/usr/bin:/bin";
    if (strchr(name, '/'))
        return snprintf(path, size, "%s", name) < (int)size ? 0 : -1;
    for (size_t i = 0; i < launch->envs; i++)
        if (!strncmp(launch->envp[i], "PATH=", 5))
            search = launch->envp[i] + 5;
    for (const char *at = search; *at; at += strspn(at, ":")) {
        int length = (int)strcspn(at, ":");
        snprintf(path, size, "%.*s/%s", length, at, name);
        if (!access(path, X_OK))
            return 0;
        at += length;
    }
    return -1;
}

/* Reads a program whole, and the interpreter of a script; has the loader of a dynamic one map its libraries. */
static void read_program(const char *path, int depth)
{
    static char bytes[65536];
    char loader[256] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
    if (got > 4 && bytes[0] == '#' && bytes[1] == '!' && depth) {
        char *name = bytes + 2 + strspn(bytes + 2, " \t");
        name[strcspn(name, " \t\r\n")] = 0;
        read_program(strdup(name), depth - 1);
        return;
    }
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)bytes;
    if (got > (ssize_t)sizeof *head && !memcmp(bytes, ELFMAG, SELFMAG) && head->e_phentsize == sizeof(Elf64_Phdr))
        for (int i = 0; i < head->e_phnum && head->e_phoff + (i + 1u) * sizeof(Elf64_Phdr) <= (size_t)got; i++) {
            const Elf64_Phdr *part = (const Elf64_Phdr *)(bytes + head->e_phoff) + i;
            if (part->p_type == PT_INTERP && part->p_offset + part->p_filesz <= (size_t)got)
                snprintf(loader, sizeof loader, "%.*s", (int)part->p_filesz, bytes + part->p_offset);
        }
    while (got > 0)
        got = read(fd, bytes, sizeof bytes);
    if (*loader)
        execl(loader, loader, "--list", path, NULL);
}

static _Noreturn void act(struct launch *launch, int only_read)
{
    char path[4096];
    int nothing = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(nothing, fd);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    alarm(SECONDS_MAX);
    if (find(launch, launch->argv[0], path, sizeof path))
        _exit(127);
    if (only_read)
        read_program(path, 2);
    else
        execve(path, launch->argv, launch->envp);
    _exit(only_read ? 0 : 127);
}

/* PID 1 of the namespace: its end is that of all that the command left running. */
static _Noreturn void supervise(struct launch *launch, int only_read)
{
    int status = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (enter_view())
        _exit(126);
    pid_t pid = fork();
    if (!pid)
        act(launch, only_read);
    waitpid(pid, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128);
}

/* `warm run|read`, then pairs of `arg`|`env` and text; `warmed` tells its end. */
void warm(const struct frame *frame)
{
    static struct launch launch;
    launch_read(&launch, frame, 2);
    int status = -1, only_read = !strcmp(frame->fields[1].text, "read");
    warming = launch.args && !warming ? fork() : -1;
    if (warming < 0) {
        warming = 0;
        wire_send("warmed", "128", NULL);
    }
    if (warming || getpid() == 1)
        return;
    if (make_view())
        _exit(125);
    pid_t first = fork();
    if (!first)
        supervise(&launch, only_read);
    waitpid(first, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128);
}

int warm_reap(pid_t pid, int status)
{
    if (!warming || pid != warming)
        return 0;
    char code[16];
    snprintf(code, sizeof code, "%d", WIFEXITED(status) ? WEXITSTATUS(status) : 128);
    wire_send("warmed", code, NULL);
    warming = 0;
    return 1;
}

/* An instance comes: what is half warm must do. The signal at their parent's death ends all of the namespace. */
void warm_stop(void)
{
    if (!warming)
        return;
    kill(warming, SIGKILL);
    waitpid(warming, NULL, 0);
    warming = 0;
}
