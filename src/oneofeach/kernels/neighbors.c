/* Bindings of the exact Hamming join. `table` sorts a set by its key in one band, `join` compares the buckets of two
 * tables, `collect` sorts what all joins found. Tables and findings live in capsules; all work runs without the GIL. */
#include "kernels.h"
#include "neighbors.h"
#include <stdlib.h>

static void free_table(PyObject *capsule)
{
    Table *table = PyCapsule_GetPointer(capsule, "table");
    neighbors_free_table(table);
}

/* table(codes, n, words, planes, own, own_width, sketch, sketch_width): codes uint64[n, words] must outlive it;
 * own, sketch: uint16 positions of at most 31 and 32 bits. */
static PyObject *py_table(PyObject *self, PyObject *args)
{
    unsigned long long codes, n, words, planes, own, sketch;
    Layout layout;
    if (!PyArg_ParseTuple(args, "KKKKKnKn", &codes, &n, &words, &planes, &own, &layout.own_width, &sketch,
                          &layout.sketch_width))
        return NULL;
    layout.own = (const uint16_t *)(uintptr_t)own;
    layout.sketch = (const uint16_t *)(uintptr_t)sketch;
    Table *table = neighbors_table((const uint64_t *)(uintptr_t)codes, n, words, planes, &layout);
    Entry *entry = malloc((n + 1) * sizeof *entry);
    if (!table || !entry) {
        neighbors_free_table(table), free(entry);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    neighbors_sort(table, &layout, entry);
    free(entry);
    Py_END_ALLOW_THREADS
    return PyCapsule_New(table, "table", free_table);
}

static void free_found(PyObject *capsule)
{
    Found *found = PyCapsule_GetPointer(capsule, "found");
    free(found->pair), free(found->distance), free(found->dense), free(found->fresh), free(found);
}

static void join_range(Join *join, Cross cross, size_t low, size_t high)
{
    Queue queue;
    queue.count = 0;
    join->queue = &queue;
    const uint32_t *start = join->left->start;
    size_t key = 0, above = join->left->buckets;
    while (above - key > 1) { /* the last bucket that starts at or before low */
        const size_t middle = key + (above - key) / 2;
        if (start[middle] <= low) key = middle;
        else above = middle;
    }
    for (key -= key % TOGETHER; key < join->left->buckets && start[key] < high; key += TOGETHER) {
        const size_t end = key + TOGETHER < join->left->buckets ? key + TOGETHER : join->left->buckets;
        const Buckets buckets = {(uint32_t)key, (uint32_t)end, low, high};
        if (join->found->out_of_memory) return;
        cross(join, &buckets);
    }
    cross(join, NULL);
}

/* join(left, right, probes, n_probes, own, both, own_limit, both_limit, band, radius, sketch_limit, dense,
 * limit, low, high, instructions): the pairs with the left row at positions low..high of its table; see Join. Returns the findings. */
static PyObject *py_join(PyObject *self, PyObject *args)
{
    PyObject *left, *right;
    unsigned long long probe, probes, own, both, own_limit, both_limit, dense, limit, low, high;
    unsigned band, radius, sketch_limit;
    const char *instructions;
    if (!PyArg_ParseTuple(args, "OOKKKKKKIIIKKKKs", &left, &right, &probe, &probes, &own, &both, &own_limit, &both_limit,
                          &band, &radius, &sketch_limit, &dense, &limit, &low, &high, &instructions))
        return NULL;
    const Rules rules = {(const uint64_t *)(uintptr_t)own, (const uint64_t *)(uintptr_t)both,
                         (const uint8_t *)(uintptr_t)own_limit, (const uint8_t *)(uintptr_t)both_limit};
    Join join = {PyCapsule_GetPointer(left, "table"), PyCapsule_GetPointer(right, "table"),
                 (const uint32_t *)(uintptr_t)probe, probes, rules, band, radius, sketch_limit, limit, NULL, NULL};
    const Cross cross = neighbors_cross(instructions);
    if (!join.left || !join.right) return NULL;
    if (!cross) return PyErr_Format(PyExc_ValueError, "this processor does not know %s", instructions);
    if (!(join.found = calloc(1, sizeof *join.found))) return PyErr_NoMemory();
    PyObject *found = PyCapsule_New(join.found, "found", free_found);
    if (!found) return free(join.found), NULL;
    join.found->right = join.left == join.right ? 0 : join.left->n;
    const size_t rows = join.found->right + join.right->n;
    Py_BEGIN_ALLOW_THREADS
    neighbors_open_dense(join.found, (const uint8_t *)(uintptr_t)dense, rows);
    join_range(&join, cross, low, high);
    neighbors_close_dense(join.found, (const uint8_t *)(uintptr_t)dense, rows);
    Py_END_ALLOW_THREADS
    if (!join.found->out_of_memory) return found;
    Py_DECREF(found);
    return PyErr_NoMemory();
}

/* dense(found, dense): marks the rows that the task made dense. */
static PyObject *py_dense(PyObject *self, PyObject *args)
{
    PyObject *capsule;
    unsigned long long dense;
    if (!PyArg_ParseTuple(args, "OK", &capsule, &dense)) return NULL;
    const Found *found = PyCapsule_GetPointer(capsule, "found");
    if (!found) return NULL;
    for (size_t row = 0; row < found->freshly; row++) ((uint8_t *)(uintptr_t)dense)[found->fresh[row]] = 1;
    Py_RETURN_NONE;
}

/* has(instructions): can this processor run them? */
static PyObject *py_has(PyObject *self, PyObject *args)
{
    const char *instructions;
    if (!PyArg_ParseTuple(args, "s", &instructions)) return NULL;
    return PyBool_FromLong(neighbors_cross(instructions) != NULL);
}

static PyObject *py_count(PyObject *self, PyObject *capsule)
{
    const Found *found = PyCapsule_GetPointer(capsule, "found");
    return found ? PyLong_FromSize_t(found->count) : NULL;
}

/* collect(findings, n, i, j, distance): fills int64[m], int64[m], uint16[m] with all findings, sorted by (i, j), i < n. */
static PyObject *py_collect(PyObject *self, PyObject *args)
{
    PyObject *findings;
    unsigned long long n, i_address, j_address, distance_address;
    if (!PyArg_ParseTuple(args, "OKKKK", &findings, &n, &i_address, &j_address, &distance_address)) return NULL;
    const Py_ssize_t count = PyTuple_Size(findings);
    if (count < 0) return NULL;
    size_t total = 0;
    Found **found = malloc((size_t)(count + 1) * sizeof *found);
    for (Py_ssize_t f = 0; found && f < count; f++) {
        found[f] = PyCapsule_GetPointer(PyTuple_GetItem(findings, f), "found");
        if (!found[f]) return free(found), NULL;
        total += found[f]->count;
    }
    uint64_t *start = calloc(n + 1, sizeof *start), *entry = malloc((total + 1) * sizeof *entry);
    if (!found || !start || !entry) {
        free(found), free(start), free(entry);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    int64_t *i = (int64_t *)(uintptr_t)i_address, *j = (int64_t *)(uintptr_t)j_address;
    uint16_t *distance = (uint16_t *)(uintptr_t)distance_address;
    neighbors_gather(found, (size_t)count, start, n, entry);
    for (size_t row = 0, at = 0; row < n; row++)
        for (; at < start[row]; at++) {
            i[at] = (int64_t)row;
            j[at] = (int64_t)(entry[at] >> 16);
            distance[at] = (uint16_t)entry[at];
        }
    free(found), free(start), free(entry);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

PyMethodDef neighbors_methods[] = {
    {"neighbors_table", py_table, METH_VARARGS, NULL},
    {"neighbors_join", py_join, METH_VARARGS, NULL},
    {"neighbors_has", py_has, METH_VARARGS, NULL},
    {"neighbors_dense", py_dense, METH_VARARGS, NULL},
    {"neighbors_count", py_count, METH_O, NULL},
    {"neighbors_collect", py_collect, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
