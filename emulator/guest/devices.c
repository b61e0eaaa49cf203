#define _GNU_SOURCE
#include "agent.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SLOTS_MAX 32
#define VIRTIO_ID_BLOCK "0x0002"

/* The n of each virtio<n> that is a disk, ascending: the order of QEMU's command line. Looked up once, in a
 * layer: it takes 10 ms of an emulated start. */
static int disks(const int **found)
{
    static int numbers[SLOTS_MAX], count;
    *found = numbers;
    if (count)
        return count;
    for (int n = 0; n < 64 && count < SLOTS_MAX; n++) {
        char path[64], id[16];
        snprintf(path, sizeof path, "/sys/bus/virtio/devices/virtio%d/device", n);
        if (!get(path, id, sizeof id) && !strncmp(id, VIRTIO_ID_BLOCK, 6))
            numbers[count++] = n;
    }
    return count;
}

static int block_name(int number, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/sys/bus/virtio/devices/virtio%d/block", number);
    DIR *folder = opendir(path);
    if (!folder)
        return -1;
    int found = -1;
    for (struct dirent *entry; found && (entry = readdir(folder));)
        if (entry->d_name[0] != '.') {
            snprintf(name, size, "%.16s", entry->d_name);
            found = 0;
        }
    closedir(folder);
    return found;
}

static void bind_driver(const char *file, int number)
{
    char path[64], device[16];
    snprintf(path, sizeof path, "/sys/bus/virtio/drivers/virtio_blk/%s", file);
    snprintf(device, sizeof device, "virtio%d", number);
    put(path, device);
}

/* Binds the disk of a slot, afresh if a built-in driver already took it, and names it (`vda`). */
int device_bind(int slot, char *name, size_t size)
{
    const int *numbers;
    int count = disks(&numbers);
    errno = ENODEV;
    if (slot >= count)
        return -1;
    if (!block_name(numbers[slot], name, size))
        bind_driver("unbind", numbers[slot]);
    bind_driver("bind", numbers[slot]);
    if (block_name(numbers[slot], name, size))
        return -1;
    /* Each disk carries its slot as serial: a kernel that numbers disks otherwise must not go on
     * to mount one ROM in place of another. */
    char path[64], serial[32];
    snprintf(path, sizeof path, "/sys/block/%s/serial", name);
    if (get(path, serial, sizeof serial) || atoi(serial) != slot) {
        errno = EXDEV;
        return -1;
    }
    return 0;
}

/* Binds the disk of a slot and makes `/dev/ukp_rom<index>` for it. */
int device_node(int slot, int index)
{
    char name[32], path[64], number[32], node[32];
    unsigned major, minor;
    if (device_bind(slot, name, sizeof name))
        return -1;
    snprintf(path, sizeof path, "/sys/block/%s/dev", name);
    if (get(path, number, sizeof number) || sscanf(number, "%u:%u", &major, &minor) != 2)
        return -1;
    snprintf(node, sizeof node, "/dev/ukp_rom%d", index);
    return mknod(node, S_IFBLK | 0444, makedev(major, minor));
}

/* Attaches a ROM the way the platform shows it: device, named link, mount. The two console lines
 * are the platform's own. */
int rom_attach(int slot, int index, const char *name, const char *at)
{
    char node[32], alias[300];
    if (device_node(slot, index))
        return -1;
    snprintf(node, sizeof node, "/dev/ukp_rom%d", index);
    snprintf(alias, sizeof alias, "/dev/ukp_rom_%s", name);
    if (symlink(node, alias))
        return -1;
    dprintf(2, "symlink %s -> %s\n", node, alias);
    if (!at)
        return 0;
    make_folders(at);
    if (!mount(node, at, "erofs", MS_RDONLY | MS_RELATIME, NULL)) {
        dprintf(2, "mount %s -> %s\n", node, at);
        return 0;
    }
    int error = errno;
    dprintf(2, "mount %s -> %s: %m\n", node, at);
    /* EINVAL: it holds no EROFS. Such a ROM stays a bare device, which is not an error of the instance
     * (specification, Part E.5); a mount point that cannot be one is. */
    errno = error;
    return error == EINVAL ? 0 : -1;
}
