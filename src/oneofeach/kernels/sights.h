/* Shared by sights.c and moves.c: paths from Python, times of files and of now. Linux only. */
#ifndef ONEOFEACH_SIGHTS_H
#define ONEOFEACH_SIGHTS_H

#ifdef __linux__
#include <linux/fs.h>
#include <sys/syscall.h>
#endif
#include "kernels.h"
#if defined(__linux__) && defined(SYS_renameat2)
#define ON_LINUX
#include <sys/stat.h>
#include <time.h>

typedef struct {
    PyObject *bytes; /* holds the name */
    const char *name;
} Path;

/* A converter of PyArg_ParseTuple: str, as the system encodes it -> Path. */
static inline int path_from(PyObject *text, void *path)
{
    Path *known = path;
    if (!PyUnicode_FSConverter(text, &known->bytes)) return 0;
    known->name = PyBytes_AsString(known->bytes);
    return 1;
}

static inline long long nanoseconds(const struct timespec *time) { return time->tv_sec * 1000000000LL + time->tv_nsec; }

static inline long long now(void)
{
    struct timespec time = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return nanoseconds(&time);
}
#endif
#endif
