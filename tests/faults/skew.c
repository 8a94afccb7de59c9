/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * To be preloaded: moves the wall clock of a program by the seconds that stand in the file $ATTESTER_TEST_SKEW at that moment,
 * and no other clock. (libfaketime moves timers of the monotonic clock, too, which breaks event loops.)
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long skew(void)
{
        const char *path = getenv("ATTESTER_TEST_SKEW");
        char text[32] = "";
        int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

        if (fd >= 0) {
                if (read(fd, text, sizeof(text) - 1) < 0)
                        text[0] = '\0';
                (void) close(fd);
        }
        return strtol(text, NULL, 10);
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
        if (syscall(SYS_clock_gettime, id, ret) != 0)
                return -1;
        if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
                ret->tv_sec += skew();
        return 0;
}

time_t time(time_t *ret)
{
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        if (ret != NULL)
                *ret = now.tv_sec;
        return now.tv_sec;
}

int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
        struct timespec now;

        (void) zone;
        (void) clock_gettime(CLOCK_REALTIME, &now);
        *ret = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
        return 0;
}
