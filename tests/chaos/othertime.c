/* Tells a process another time of day: what the machine's clock says, and so many nanoseconds more.

   Preloaded (LD_PRELOAD); the number is read from the file that OTHERTIME names, which is mapped,
   so that all processes see a change at once. Sleeping and monotonic clocks are left alone.
   (libfaketime 0.9.10 is no help: time.sleep() of Python 3.11 fails under it.) */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BILLION 1000000000LL

static int (*the_clock)(clockid_t, struct timespec *);
static int (*the_wait)(sem_t *, const struct timespec *);
static volatile int64_t *ahead;

__attribute__((constructor)) static void begin(void) {
    the_clock = dlsym(RTLD_NEXT, "clock_gettime");
    the_wait = dlsym(RTLD_NEXT, "sem_timedwait");
    const char *path = getenv("OTHERTIME");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *found = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (found != MAP_FAILED)
        ahead = found;
}

static void move(struct timespec *at, int64_t by) {
    int64_t all = at->tv_sec * BILLION + at->tv_nsec + by;
    at->tv_sec = all / BILLION;
    at->tv_nsec = all % BILLION;
}

int clock_gettime(clockid_t which, struct timespec *at) {
    if (!the_clock)
        begin();
    int failed = the_clock(which, at);
    if (!failed && ahead && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        move(at, *ahead);
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

/* Its deadline was counted from a time that we told. */
int sem_timedwait(sem_t *semaphore, const struct timespec *until) {
    struct timespec real = *until;
    if (!the_wait)
        begin();
    if (ahead)
        move(&real, -*ahead);
    return the_wait(semaphore, &real);
}
