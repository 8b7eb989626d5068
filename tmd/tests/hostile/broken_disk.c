/* Writes to databases fail as the file named by BROKEN_DISK says: "<errno> write" or "<errno> sync"; no file: they do not.
   Preloaded, so that a disk can fail and be mended under a running program. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fault(int fd, const char *what) {
    char link[64], path[4096], text[64];
    int number = 0, control;
    ssize_t length;
    const char *name = getenv("BROKEN_DISK");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (!name || length <= 0) return 0;
    path[length] = 0;
    if (!strstr(path, ".db") || (control = open(name, O_RDONLY | O_CLOEXEC)) < 0) return 0;
    length = read(control, text, sizeof text - 1);
    close(control);
    if (length <= 0) return 0;
    text[length] = 0;
    char wanted[16];
    return sscanf(text, "%d %15s", &number, wanted) == 2 && !strcmp(wanted, what) ? number : 0;
}

#define FAILS(fd, what)                  \
    do {                                 \
        int number = fault(fd, what);    \
        if (number) {                    \
            errno = number;              \
            return -1;                   \
        }                                \
    } while (0)

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

ssize_t write(int fd, const void *from, size_t count) {
    FAILS(fd, "write");
    return REAL("write", ssize_t(*)(int, const void *, size_t))(fd, from, count);
}

ssize_t pwrite(int fd, const void *from, size_t count, off_t at) {
    FAILS(fd, "write");
    return REAL("pwrite", ssize_t(*)(int, const void *, size_t, off_t))(fd, from, count, at);
}

ssize_t pwrite64(int fd, const void *from, size_t count, off64_t at) {
    FAILS(fd, "write");
    return REAL("pwrite64", ssize_t(*)(int, const void *, size_t, off64_t))(fd, from, count, at);
}

int fsync(int fd) {
    FAILS(fd, "sync");
    return REAL("fsync", int (*)(int))(fd);
}

int fdatasync(int fd) {
    FAILS(fd, "sync");
    return REAL("fdatasync", int (*)(int))(fd);
}
