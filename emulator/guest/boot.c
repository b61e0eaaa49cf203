#define _GNU_SOURCE
#include "agent.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/random.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void load(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/modules/%s.ko", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
        dprintf(2, "load %s: %m\n", name);
    close(fd);
    unlink(path); /* the initramfs is memory */
}

/* Loads the modules of /modules/order, a name a line. */
void boot_modules(void)
{
    char line[64];
    FILE *order = fopen("/modules/order", "re");
    if (!order)
        die("open /modules/order");
    while (fgets(line, sizeof line, order)) {
        line[strcspn(line, "\n")] = 0;
        /* A restored guest would keep the capacity that a disk had when it was bound: leave every
         * disk unbound until its content is known. */
        int disks = !strcmp(line, "virtio_blk");
        if (disks)
            put("/sys/bus/virtio/drivers_autoprobe", "0");
        load(line);
        if (disks)
            put("/sys/bus/virtio/drivers_autoprobe", "1");
    }
    fclose(order);
    /* From now on the kernel's errors count: whom it kills for want of memory, for example. */
    put("/proc/sys/kernel/printk", "4");
}

static void mount_views(void)
{
    mkdir("/newroot/dev", 0755);
    mkdir("/newroot/proc", 0755);
    mkdir("/newroot/sys", 0755);
    mount("/dev", "/newroot/dev", NULL, MS_MOVE, NULL);
    mount("/proc", "/newroot/proc", NULL, MS_MOVE, NULL);
    mount("/sys", "/newroot/sys", NULL, MS_MOVE, NULL);
}

static char root_type[16];

const char *boot_root_type(void)
{
    return root_type;
}

/* Mounts the root file system of `type` under a writable layer in memory and moves into it. */
int boot_root(const char *type)
{
    snprintf(root_type, sizeof root_type, "%s", type);
    if (device_node(0, 0))
        return -1;
    mkdir("/lower", 0755);
    mkdir("/upper", 0755);
    mkdir("/newroot", 0755);
    if (mount("/dev/ukp_rom0", "/lower", type, MS_RDONLY, NULL))
        return -1;
    if (mount("tmpfs", "/upper", "tmpfs", 0, "mode=0755"))
        return -1;
    mkdir("/upper/data", 0755);
    mkdir("/upper/work", 0755);
    /* Without redirect_dir, renaming a folder of the image gives EXDEV. */
    if (mount("overlay", "/newroot", "overlay", 0,
              "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work,redirect_dir=on"))
        return -1;
    mount_views();
    if (chdir("/newroot") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
        return -1;
    make_folders("/dev/pts");
    make_folders("/dev/shm");
    make_folders("/run");
    make_folders("/tmp");
    chmod("/tmp", 01777);
    mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "ptmxmode=0666");
    mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, NULL);
    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
    symlink("/proc/self/fd", "/dev/fd");
    symlink("/proc/self/fd/0", "/dev/stdin");
    symlink("/proc/self/fd/1", "/dev/stdout");
    symlink("/proc/self/fd/2", "/dev/stderr");
    return 0;
}

static void raise_link(int s, const char *name)
{
    struct ifreq request = {0};
    strcpy(request.ifr_name, name);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    ioctl(s, SIOCSIFFLAGS, &request);
}

static void set_address(int s, unsigned long which, const char *address)
{
    struct ifreq request = {0};
    strcpy(request.ifr_name, "eth0");
    struct sockaddr_in *in = (struct sockaddr_in *)&request.ifr_addr;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = inet_addr(address);
    ioctl(s, which, &request);
}

/* `address` is `a.b.c.d m.m.m.m`: address and netmask; addresses are static, as on the platform, and every
 * guest has the same, in a network of its own. A guest from a layer has it already. */
void boot_network(const char *address, const char *gateway)
{
    static int is_up;
    char own[32], mask[32];
    if (is_up++ || sscanf(address, "%31s %31s", own, mask) != 2)
        return;
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    raise_link(s, "lo");
    set_address(s, SIOCSIFADDR, own);
    set_address(s, SIOCSIFNETMASK, mask);
    raise_link(s, "eth0");
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    ((struct sockaddr_in *)&route.rt_dst)->sin_family = AF_INET;
    ((struct sockaddr_in *)&route.rt_genmask)->sin_family = AF_INET;
    struct sockaddr_in *via = (struct sockaddr_in *)&route.rt_gateway;
    via->sin_family = AF_INET;
    via->sin_addr.s_addr = inet_addr(gateway);
    ioctl(s, SIOCADDRT, &route);
    close(s);
}

void boot_identity(const char *hostname, const char *hosts)
{
    sethostname(hostname, strlen(hostname));
    make_folders("/etc");
    put("/etc/hostname", hostname);
    put("/etc/hosts", hosts);
    /* A name server that never answers makes every look-up hang; without one, the resolver asks
     * loopback, which refuses at once. */
    put("/etc/resolv.conf", "");
}

/* A restored guest believes in the time of its snapshot and shares its random numbers with every
 * sibling: the host hands over both. */
void boot_time_and_chance(const char *nanoseconds, const struct field *seed)
{
    unsigned long long ns = strtoull(nanoseconds, NULL, 10);
    struct timespec now = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    clock_settime(CLOCK_REALTIME, &now);
    int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    struct {
        struct rand_pool_info info;
        char bytes[256];
    } pool = {{0}, {0}};
    uint32_t size = seed->size < sizeof pool.bytes ? seed->size : sizeof pool.bytes;
    pool.info.entropy_count = (int)size * 8;
    pool.info.buf_size = (int)size;
    memcpy(pool.info.buf, seed->text, size);
    ioctl(fd, RNDADDENTROPY, &pool);
    ioctl(fd, RNDRESEEDCRNG);
    close(fd);
}
