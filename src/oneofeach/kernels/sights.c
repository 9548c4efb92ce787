/* Reads a few small files in one go, and looks at one, in fewer steps than the functions of the standard library take.
 * There is no twin: where it is missing, those functions do. */
#include "sights.h"
#ifdef ON_LINUX
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

static PyObject *told(const Sight *sight, const uint8_t *data)
{
    const struct stat *is = &sight->facts;
    return Py_BuildValue("((KKLLL)IKIIy#)", (unsigned long long)is->st_dev, (unsigned long long)is->st_ino,
                         (long long)is->st_size, nanoseconds(&is->st_mtim),
                         nanoseconds(&is->st_ctim), (unsigned int)is->st_mode,
                         (unsigned long long)is->st_nlink, (unsigned int)is->st_uid, (unsigned int)is->st_gid,
                         (const char *)data + sight->start, (Py_ssize_t)is->st_size);
}

/* read_files(paths: list[str], most, patience) -> per path None, when it is no plain file of at most `most` bytes or
 * cannot be read, or ((device, inode, size, mtime_ns, ctime_ns), mode, links, owner, group, bytes); a link is not
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
    Path *names = calloc((size_t)count, sizeof *names);
    Sight *sights = calloc((size_t)count, sizeof *sights);
    uint8_t *data = malloc((size_t)count * ((size_t)most + 1)); /* pages that are not written cost nothing */
    if (!names || !sights || !data) {
        PyErr_NoMemory();
        goto end;
    }
    for (Py_ssize_t k = 0; k < count; k++)
        if (!path_from(PyList_GetItem(paths, k), &names[k])) goto end;
    size_t used = 0;
    Py_BEGIN_ALLOW_THREADS
    const long long end = now() + patience;
    do {
        Sight *sight = &sights[reached];
        sight->start = used;
        look_at(names[reached].name, (size_t)most, data + used, sight);
        if (sight->whole) used += (size_t)sight->facts.st_size;
    } while (++reached < count && now() < end);
    Py_END_ALLOW_THREADS
    found = PyList_New(reached);
    for (Py_ssize_t k = 0; found && k < reached; k++) {
        PyObject *one = sights[k].whole ? told(&sights[k], data) : Py_NewRef(Py_None);
        if (!one || PyList_SetItem(found, k, one) < 0) Py_CLEAR(found);
    }
end:
    for (Py_ssize_t k = 0; names && k < count; k++) Py_XDECREF(names[k].bytes);
    free(names);
    free(sights);
    free(data);
    return found;
}

/* file_mark(path: str) -> (device, inode, size, mtime_ns, ctime_ns); a link is not followed. OSError. */
static PyObject *file_mark(PyObject *self, PyObject *path)
{
    struct stat is;
    int failed;
    Path known;
    (void)self;
    if (!path_from(path, &known)) return NULL;
    Py_BEGIN_ALLOW_THREADS
    failed = lstat(known.name, &is);
    Py_END_ALLOW_THREADS
    Py_DECREF(known.bytes);
    if (failed) return PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
    return Py_BuildValue("(KKLLL)", (unsigned long long)is.st_dev, (unsigned long long)is.st_ino,
                         (long long)is.st_size, nanoseconds(&is.st_mtim), nanoseconds(&is.st_ctim));
}
#endif

PyMethodDef sights_methods[] = {
#ifdef ON_LINUX
    {"read_files", read_files, METH_VARARGS, NULL},
    {"file_mark", file_mark, METH_O, NULL},
#endif
    {NULL, NULL, 0, NULL},
};
