/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * To be preloaded: kills the program with SIGKILL within the Nth of the calls that change what outlives it: files and
 * directories, and commands to a TPM behind a socket. So every state that a kill can leave behind is reached. A write is half
 * done then.
 *
 * $ATTESTER_TEST_FUSE names a file of two 32-bit numbers, which the test may change at any time: calls that are left, 0 for no
 * end, counted down here; and what the program died in, 1 a file or directory, 2 a socket. Standard error may be a file, and is
 * left out.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind {
        NOTHING,
        STORED,
        SENT,
};

struct fuse {
        _Atomic int32_t left;
        _Atomic int32_t died_in;
        _Atomic int32_t counted;
};

static struct fuse *fuse;

__attribute__((constructor)) static void lay(void)
{
        const char *path = getenv("ATTESTER_TEST_FUSE");
        int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *memory = fd >= 0 ? mmap(NULL, sizeof(*fuse), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;

        if (fd >= 0)
                (void) close(fd);
        if (memory != MAP_FAILED)
                fuse = memory;
}

/* Whether it ends in this call. */
static bool burns(enum kind kind)
{
        if (kind == NOTHING || fuse == NULL || (int32_t) kind > fuse->counted || fuse->left <= 0 ||
            atomic_fetch_sub(&fuse->left, 1) != 1)
                return false;
        fuse->died_in = (int32_t) kind;
        return true;
}

static void die(void)
{
        (void) kill(getpid(), SIGKILL);
        for (;;)
                (void) pause();
}

static void pass(enum kind kind)
{
        if (burns(kind))
                die();
}

static enum kind kind_of(int fd)
{
        struct stat status;

        if (fd <= STDERR_FILENO || fstat(fd, &status) < 0)
                return NOTHING;
        return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) ? STORED : S_ISSOCK(status.st_mode) ? SENT : NOTHING;
}

/* The function that this one stands before. */
#define NEXT(name) ((__typeof__(&(name))) dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t len)
{
        if (burns(kind_of(fd))) {
                (void) NEXT(write)(fd, data, len / 2);
                die();
        }
        return NEXT(write)(fd, data, len);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
        if (burns(kind_of(fd))) {
                (void) NEXT(pwrite64)(fd, data, len / 2, at);
                die();
        }
        return NEXT(pwrite64)(fd, data, len, at);
}

int fsync(int fd)
{
        pass(kind_of(fd));
        return NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
        pass(kind_of(fd));
        return NEXT(fdatasync)(fd);
}

int ftruncate64(int fd, off64_t len)
{
        pass(kind_of(fd));
        return NEXT(ftruncate64)(fd, len);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
        pass(STORED);
        return NEXT(renameat)(from_fd, from, to_fd, to);
}

int unlink(const char *path)
{
        pass(STORED);
        return NEXT(unlink)(path);
}

int unlinkat(int fd, const char *path, int flags)
{
        pass(STORED);
        return NEXT(unlinkat)(fd, path, flags);
}

int mkdirat(int fd, const char *path, mode_t mode)
{
        pass(STORED);
        return NEXT(mkdirat)(fd, path, mode);
}
