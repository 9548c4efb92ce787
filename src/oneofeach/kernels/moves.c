/* Renames a file, or many in a row with a look at each, and never overwrites one. There is no twin: where it is missing,
 * functions of the standard library do. */
#include "sights.h"
#ifdef ON_LINUX
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int failed(const Path *source, const Path *target)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, source->name, AT_FDCWD, target->name, RENAME_NOREPLACE);
}

/* rename_new(source: str, target: str) -> 0, or why not (an errno). */
static PyObject *rename_new(PyObject *self, PyObject *args)
{
    PyObject *from, *to;
    Path source, target;
    int why;
    (void)self;
    if (!PyArg_ParseTuple(args, "UU", &from, &to) || !path_from(from, &source)) return NULL;
    if (!path_from(to, &target)) return Py_DECREF(source.bytes), NULL;
    Py_BEGIN_ALLOW_THREADS
    why = failed(&source, &target) ? errno : 0;
    Py_END_ALLOW_THREADS
    Py_DECREF(source.bytes), Py_DECREF(target.bytes);
    return PyLong_FromLong(why);
}

typedef struct {
    unsigned long long device, inode;
    long long size, mtime_ns, ctime_ns;
} Mark;

typedef struct {
    Path source, target, keeper;
    Mark seen, kept;
} Move;

/* Whether this file stands at a path; a rename may have changed its ctime. */
static int stands(const Path *path, const Mark *mark, int renamed)
{
    struct stat is;
    return lstat(path->name, &is) == 0 && is.st_dev == mark->device && is.st_ino == mark->inode &&
           is.st_size == mark->size && nanoseconds(&is.st_mtim) == mark->mtime_ns &&
           (renamed || nanoseconds(&is.st_ctim) == mark->ctime_ns);
}

static int as_move(PyObject *tuple, Move *move)
{
    PyObject *source, *target, *keeper;
    Mark *seen = &move->seen, *kept = &move->kept;
    return PyArg_ParseTuple(tuple, "UU(KKLLL)U(KKLLL)", &source, &target, &seen->device, &seen->inode, &seen->size,
                            &seen->mtime_ns, &seen->ctime_ns, &keeper, &kept->device, &kept->inode, &kept->size,
                            &kept->mtime_ns, &kept->ctime_ns) &&
           path_from(source, &move->source) && path_from(target, &move->target) && path_from(keeper, &move->keeper);
}

/* move_files(moves: list of (source, target, mark, keeper, its mark), patience) -> (how many files, from the first on,
 * were as marked, renamed, and then seen at their targets with their keepers in place; 1 when the next one was renamed
 * and not seen so, else 0). Marks are those of `file_mark`. It ends with the first that fails, and after `patience` nanoseconds. */
static PyObject *move_files(PyObject *self, PyObject *args)
{
    PyObject *list, *told = NULL;
    Py_ssize_t known = 0, right = 0;
    long long patience;
    int begun = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "O!L", &PyList_Type, &list, &patience)) return NULL;
    const Py_ssize_t count = PyList_Size(list);
    Move *moves = calloc((size_t)count + 1, sizeof *moves);
    if (!moves) return PyErr_NoMemory();
    while (known < count && as_move(PyList_GetItem(list, known), &moves[known])) known++;
    if (known == count) {
        Py_BEGIN_ALLOW_THREADS
        const long long end = now() + patience;
        while (right < count && (right == 0 || now() < end)) {
            const Move *move = &moves[right];
            if (!stands(&move->source, &move->seen, 0) || failed(&move->source, &move->target)) break;
            begun = !(stands(&move->target, &move->seen, 1) && stands(&move->keeper, &move->kept, 0));
            if (begun) break;
            right++;
        }
        Py_END_ALLOW_THREADS
        told = Py_BuildValue("(ni)", right, begun);
    }
    for (Py_ssize_t k = 0; k < count; k++) {
        Py_XDECREF(moves[k].source.bytes);
        Py_XDECREF(moves[k].target.bytes);
        Py_XDECREF(moves[k].keeper.bytes);
    }
    free(moves);
    return told;
}
#endif

PyMethodDef moves_methods[] = {
#ifdef ON_LINUX
    {"rename_new", rename_new, METH_VARARGS, NULL},
    {"move_files", move_files, METH_VARARGS, NULL},
#endif
    {NULL, NULL, 0, NULL},
};
