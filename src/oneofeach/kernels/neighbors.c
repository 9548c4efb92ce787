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

/* table(codes, n, words, planes, own, own_width, partner, partner_width): codes uint64[n, words] must outlive it;
 * own, partner: uint16 positions of at most 31 and 16 bits. */
static PyObject *py_table(PyObject *self, PyObject *args)
{
    unsigned long long codes, n, words, planes, own, partner;
    Layout layout;
    if (!PyArg_ParseTuple(args, "KKKKKnKn", &codes, &n, &words, &planes, &own, &layout.own_width, &partner,
                          &layout.partner_width))
        return NULL;
    layout.own = (const uint16_t *)(uintptr_t)own;
    layout.partner = (const uint16_t *)(uintptr_t)partner;
    Table *table = neighbors_table((const uint64_t *)(uintptr_t)codes, n, words, planes, &layout);
    uint32_t *key = malloc((n + 1) * sizeof *key);
    if (!table || !key) {
        neighbors_free_table(table), free(key);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    neighbors_sort(table, &layout, key);
    free(key);
    Py_END_ALLOW_THREADS
    return PyCapsule_New(table, "table", free_table);
}

static void free_found(PyObject *capsule)
{
    Found *found = PyCapsule_GetPointer(capsule, "found");
    free(found->pair), free(found->distance), free(found->dense), free(found->fresh), free(found);
}

static unsigned ones(uint32_t x)
{
    unsigned count = 0;
    for (; x; x &= x - 1) count++;
    return count;
}

/* The left bucket of key `key`, positions a0..a1 of it, against every bucket within the tolerance of the band. */
static void join_bucket(const Join *join, Cross cross, uint32_t key, size_t a0, size_t a1)
{
    const int self = join->left == join->right;
    const uint32_t *start = join->right->start;
    const unsigned both = join->rules.both_limit[join->band];
    for (size_t p = 0; p < join->probes; p++) {
        const uint32_t other = key ^ join->probe[p];
        if (self && other < key) continue; /* met from the other side */
        const Runs runs = {a0, a1, start[other], start[other + 1], self && other == key, both - ones(join->probe[p])};
        if (runs.b0 < runs.b1) cross(join, &runs);
        if (join->found->out_of_memory) return;
    }
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
    for (; low < high && !join->found->out_of_memory; key++) {
        const size_t end = start[key + 1] < high ? start[key + 1] : high;
        if (low < end) join_bucket(join, cross, (uint32_t)key, low, end);
        if (low < end) low = end;
    }
    cross(join, NULL);
}

/* join(left, right, probes, n_probes, own, both, own_limit, both_limit, band, radius, dense, limit, low, high,
 * instructions): the pairs with the left row at positions low..high of its table; see Join. Returns the findings. */
static PyObject *py_join(PyObject *self, PyObject *args)
{
    PyObject *left, *right;
    unsigned long long probe, probes, own, both, own_limit, both_limit, dense, limit, low, high;
    unsigned band, radius;
    const char *instructions;
    if (!PyArg_ParseTuple(args, "OOKKKKKKIIKKKKs", &left, &right, &probe, &probes, &own, &both, &own_limit, &both_limit,
                          &band, &radius, &dense, &limit, &low, &high, &instructions))
        return NULL;
    const Rules rules = {(const uint64_t *)(uintptr_t)own, (const uint64_t *)(uintptr_t)both,
                         (const uint8_t *)(uintptr_t)own_limit, (const uint8_t *)(uintptr_t)both_limit};
    Join join = {PyCapsule_GetPointer(left, "table"), PyCapsule_GetPointer(right, "table"),
                 (const uint32_t *)(uintptr_t)probe, probes, rules, band, radius, limit, NULL, NULL};
    const Cross cross = neighbors_cross(instructions);
    if (!join.left || !join.right) return NULL;
    if (!cross) return PyErr_Format(PyExc_ValueError, "this processor does not know %s", instructions);
    if (!(join.found = calloc(1, sizeof *join.found))) return PyErr_NoMemory();
    PyObject *found = PyCapsule_New(join.found, "found", free_found);
    if (!found) return free(join.found), NULL;
    Py_BEGIN_ALLOW_THREADS
    neighbors_open_dense(join.found, (const uint8_t *)(uintptr_t)dense, join.left->n);
    join_range(&join, cross, low, high);
    neighbors_close_dense(join.found, (const uint8_t *)(uintptr_t)dense, join.left->n);
    Py_END_ALLOW_THREADS
    if (!join.found->out_of_memory) return found;
    Py_DECREF(found);
    return PyErr_NoMemory();
}

/* dense(found, dense): marks the rows that the task made dense in bool[n]. */
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
