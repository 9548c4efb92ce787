/* Reads a few small files in one go, and looks at one or renames it, in fewer steps than the functions of the standard
 * library take. There is no twin: where it is missing, those functions do. */
#ifdef __linux__
#include <linux/fs.h>
#include <sys/syscall.h>
#endif
#include "kernels.h"
#if defined(__linux__) && defined(SYS_renameat2)
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    struct stat facts;
    size_t start;
    int whole;
} Sight;

static int opened(const char *path)
{
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC; /* a pipe opens without waiting */
    const int descriptor = open(path, flags | O_NOATIME);
    return descriptor < 0 && errno == EPERM ? open(path, flags) : descriptor; /* O_NOATIME is for the owner */
}

/* Read one file of at most `most` bytes into `data`, which has room for one more. */
static void look_at(const char *path, size_t most, uint8_t *data, Sight *sight)
{
    const int descriptor = opened(path);
    if (descriptor < 0) return;
    const int known = fstat(descriptor, &sight->facts) == 0 && S_ISREG(sight->facts.st_mode);
    if (known && sight->facts.st_size <= (off_t)most)
        sight->whole = read(descriptor, data, most + 1) == (ssize_t)sight->facts.st_size;
    close(descriptor);
}

static long long nanoseconds(const struct timespec *time) { return time->tv_sec * 1000000000LL + time->tv_nsec; }

static PyObject *told(const Sight *sight, const uint8_t *data)
{
    const struct stat *is = &sight->facts;
    return Py_BuildValue("(KKLLLIKIIy#)", (unsigned long long)is->st_dev, (unsigned long long)is->st_ino,
                         (long long)is->st_size, nanoseconds(&is->st_mtim),
                         nanoseconds(&is->st_ctim), (unsigned int)is->st_mode,
                         (unsigned long long)is->st_nlink, (unsigned int)is->st_uid, (unsigned int)is->st_gid,
                         (const char *)data + sight->start, (Py_ssize_t)is->st_size);
}

static long long now(void)
{
    struct timespec time = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return nanoseconds(&time);
}

/* read_files(paths: list[bytes], most, patience) -> per path None, when it is no plain file of at most `most` bytes or
 * cannot be read, or (device, inode, size, mtime_ns, ctime_ns, mode, links, owner, group, bytes); a link is not
 * followed. After `patience` nanoseconds the list ends with the path reached, one at least. */
static PyObject *read_files(PyObject *self, PyObject *args)
{
    PyObject *paths, *found = NULL;
    Py_ssize_t most, reached = 0;
    long long patience;
    (void)self;
    if (!PyArg_ParseTuple(args, "O!nL", &PyList_Type, &paths, &most, &patience)) return NULL;
    const Py_ssize_t count = PyList_Size(paths);
    if (count == 0) return PyList_New(0);
    const char **names = calloc((size_t)count, sizeof *names);
    Sight *sights = calloc((size_t)count, sizeof *sights);
    uint8_t *data = malloc((size_t)count * ((size_t)most + 1)); /* pages that are not written cost nothing */
    if (!names || !sights || !data) {
        PyErr_NoMemory();
        goto end;
    }
    for (Py_ssize_t k = 0; k < count; k++)
        if (!(names[k] = PyBytes_AsString(PyList_GetItem(paths, k)))) goto end;
    size_t used = 0;
    Py_BEGIN_ALLOW_THREADS
    const long long end = now() + patience;
    do {
        Sight *sight = &sights[reached];
        sight->start = used;
        look_at(names[reached], (size_t)most, data + used, sight);
        if (sight->whole) used += (size_t)sight->facts.st_size;
    } while (++reached < count && now() < end);
    Py_END_ALLOW_THREADS
    found = PyList_New(reached);
    for (Py_ssize_t k = 0; found && k < reached; k++) {
        PyObject *one = sights[k].whole ? told(&sights[k], data) : Py_NewRef(Py_None);
        if (!one || PyList_SetItem(found, k, one) < 0) Py_CLEAR(found);
    }
end:
    free(names);
    free(sights);
    free(data);
    return found;
}

/* file_mark(path: bytes) -> (device, inode, size, mtime_ns, ctime_ns); a link is not followed. OSError. */
static PyObject *file_mark(PyObject *self, PyObject *path)
{
    struct stat is;
    int failed;
    const char *name = PyBytes_AsString(path);
    (void)self;
    if (!name) return NULL;
    Py_BEGIN_ALLOW_THREADS
    failed = lstat(name, &is);
    Py_END_ALLOW_THREADS
    if (failed) return PyErr_SetFromErrnoWithFilename(PyExc_OSError, name);
    return Py_BuildValue("(KKLLL)", (unsigned long long)is.st_dev, (unsigned long long)is.st_ino,
                         (long long)is.st_size, nanoseconds(&is.st_mtim), nanoseconds(&is.st_ctim));
}

/* rename_new(source: bytes, target: bytes) -> 0, or why not (an errno); nothing is ever overwritten. */
static PyObject *rename_new(PyObject *self, PyObject *args)
{
    const char *source, *target;
    int why;
    (void)self;
    if (!PyArg_ParseTuple(args, "yy", &source, &target)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    why = syscall(SYS_renameat2, AT_FDCWD, source, AT_FDCWD, target, RENAME_NOREPLACE) ? errno : 0;
    Py_END_ALLOW_THREADS
    return PyLong_FromLong(why);
}
#endif

PyMethodDef sights_methods[] = {
#if defined(__linux__) && defined(SYS_renameat2)
    {"read_files", read_files, METH_VARARGS, NULL},
    {"file_mark", file_mark, METH_O, NULL},
    {"rename_new", rename_new, METH_VARARGS, NULL},
#endif
    {NULL, NULL, 0, NULL},
};
