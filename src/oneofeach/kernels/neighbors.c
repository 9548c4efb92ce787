/* Bindings of the exact Hamming join. `table` sorts a set by its key in one band, `join` compares the buckets of two
 * tables, `collect` sorts what all joins found. Tables and findings live in capsules; all work runs without the GIL. */
#include "kernels.h"
#include "neighbors.h"
#include <stdlib.h>
#include <string.h>

static void free_arrays(Table *table)
{
    if (table) free(table->start), free(table->row), free(table->plane), free(table->partner);
    free(table);
}

static void free_table(PyObject *capsule)
{
    Table *table = PyCapsule_GetPointer(capsule, "table");
    free_arrays(table);
}

/* Bits of a band that lie side by side in one word: moved as one. */
typedef struct {
    size_t word;
    unsigned shift, to;
    uint64_t mask;
} Segment;

static size_t segments_of(const uint16_t *position, size_t width, Segment *segment)
{
    size_t count = 0;
    for (size_t k = 0; k < width; k++) {
        if (k && position[k] == position[k - 1] + 1 && position[k] % 64) {
            segment[count - 1].mask = segment[count - 1].mask << 1 | 1;
            continue;
        }
        segment[count++] = (Segment){position[k] / 64, position[k] % 64, (unsigned)k, 1};
    }
    return count;
}

static inline uint64_t bits_at(const uint64_t *code, const Segment *segment, size_t segments)
{
    uint64_t value = 0;
    for (size_t s = 0; s < segments; s++)
        value |= (code[segment[s].word] >> segment[s].shift & segment[s].mask) << segment[s].to;
    return value;
}

typedef struct {
    const uint16_t *own, *partner; /* positions of bits */
    size_t own_width, partner_width;
} Layout;

static void sort_into(Table *table, const Layout *layout, uint32_t *key)
{
    Segment own[32], partner[16];
    const size_t owns = segments_of(layout->own, layout->own_width, own);
    const size_t partners = segments_of(layout->partner, layout->partner_width, partner);
    for (size_t row = 0; row < table->n; row++) {
        key[row] = (uint32_t)bits_at(table->codes + row * table->words, own, owns);
        table->start[(size_t)key[row] + 1]++;
    }
    for (size_t k = 0; k < table->buckets; k++) table->start[k + 1] += table->start[k];
    /* start[k] moves to the end of bucket k while it fills, and is put back after. */
    for (size_t row = 0; row < table->n; row++) {
        const uint64_t *code = table->codes + row * table->words;
        const size_t to = table->start[key[row]]++;
        table->row[to] = (uint32_t)row;
        if (partners) table->partner[to] = (uint16_t)bits_at(code, partner, partners);
        for (size_t p = 0; p < table->planes; p++) table->plane[p * table->stride + to] = code[p];
    }
    memmove(table->start + 1, table->start, table->buckets * sizeof *table->start);
    table->start[0] = 0;
}

static Table *new_table(const uint64_t *codes, size_t n, size_t words, size_t planes, const Layout *layout)
{
    Table *table = calloc(1, sizeof *table);
    if (!table) return NULL;
    *table = (Table){codes, n, words, (size_t)1 << layout->own_width, planes, n + LANES, NULL, NULL, NULL, NULL};
    table->start = calloc(table->buckets + 1, sizeof *table->start);
    table->row = malloc((n + 1) * sizeof *table->row);
    table->plane = calloc(planes * table->stride, sizeof *table->plane);
    if (layout->partner_width) table->partner = calloc(table->stride, sizeof *table->partner);
    if (table->start && table->row && table->plane && (table->partner || !layout->partner_width)) return table;
    free_arrays(table);
    return NULL;
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
    Table *table = new_table((const uint64_t *)(uintptr_t)codes, n, words, planes, &layout);
    uint32_t *key = malloc((n + 1) * sizeof *key);
    if (!table || !key) {
        free_arrays(table), free(key);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    sort_into(table, &layout, key);
    free(key);
    Py_END_ALLOW_THREADS
    return PyCapsule_New(table, "table", free_table);
}

static void free_found(PyObject *capsule)
{
    Found *found = PyCapsule_GetPointer(capsule, "found");
    free(found->pair), free(found->distance), free(found->dense), free(found->fresh), free(found);
}

/* Drops the pairs of two dense rows. */
static void drop_dense(Found *found)
{
    size_t left = 0;
    for (size_t p = 0; p < found->count; p++) {
        if (found->dense[found->pair[p] >> 32] && found->dense[(uint32_t)found->pair[p]]) continue;
        found->pair[left] = found->pair[p];
        found->distance[left++] = found->distance[p];
    }
    found->count = left;
}

/* Rows with more than `many` of the pairs found so far become dense, fewer and fewer, until half of the room is free. */
static void thin_out(Found *found, size_t n)
{
    const size_t half = found->count / 2;
    uint32_t *degree = calloc(n, sizeof *degree);
    found->out_of_memory |= !degree;
    if (!degree) return;
    for (size_t p = 0; p < found->count; p++) degree[found->pair[p] >> 32]++, degree[(uint32_t)found->pair[p]]++;
    for (uint32_t many = 1024; found->count > half; many /= 2) {
        for (size_t p = 0; p < found->count; p++) {
            const uint32_t i = (uint32_t)(found->pair[p] >> 32), j = (uint32_t)found->pair[p];
            found->dense[i] |= degree[i] > many;
            found->dense[j] |= degree[j] > many;
        }
        drop_dense(found);
    }
    free(degree);
}

/* The task has its own copy of `dense`, so that no task depends on another's; what it adds is kept as a list. */
static void open_dense(Found *found, const uint8_t *dense, size_t n)
{
    if (!dense) return;
    found->dense = malloc(n + 1);
    found->out_of_memory |= !found->dense;
    if (found->dense) memcpy(found->dense, dense, n);
}

static void close_dense(Found *found, const uint8_t *dense, size_t n)
{
    if (!found->dense) return;
    for (size_t row = 0; row < n; row++) found->freshly += found->dense[row] != dense[row];
    found->fresh = malloc((found->freshly + 1) * sizeof *found->fresh);
    found->out_of_memory |= !found->fresh;
    for (size_t row = 0, to = 0; found->fresh && to < found->freshly; row++)
        if (found->dense[row] != dense[row]) found->fresh[to++] = (uint32_t)row;
    free(found->dense);
    found->dense = NULL;
}

void neighbors_report(const Join *join, uint64_t pair, unsigned distance)
{
    Found *found = join->found;
    if (found->dense && found->count >= join->limit) {
        thin_out(found, join->left->n);
        if (found->dense[pair >> 32] && found->dense[(uint32_t)pair]) return;
    }
    if (found->count == found->room) {
        const size_t room = found->room ? 2 * found->room : 256;
        uint64_t *pairs = realloc(found->pair, room * sizeof *pairs);
        if (pairs) found->pair = pairs;
        uint16_t *distances = realloc(found->distance, room * sizeof *distances);
        if (distances) found->distance = distances;
        found->out_of_memory |= !pairs || !distances;
        if (found->out_of_memory) return;
        found->room = room;
    }
    found->pair[found->count] = pair;
    found->distance[found->count++] = (uint16_t)distance;
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
    open_dense(join.found, (const uint8_t *)(uintptr_t)dense, join.left->n);
    join_range(&join, cross, low, high);
    close_dense(join.found, (const uint8_t *)(uintptr_t)dense, join.left->n);
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

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort_row(uint64_t *first, size_t count)
{
    if (count > 32) {
        qsort(first, count, sizeof *first, ascending);
        return;
    }
    for (size_t k = 1; k < count; k++) {
        const uint64_t value = first[k];
        size_t to = k;
        for (; to && first[to - 1] > value; to--) first[to] = first[to - 1];
        first[to] = value;
    }
}

/* Gathers the findings by i (start is [n + 1], zeroed), each row's sorted by j. Frees the findings as it goes. */
static void gather(Found **found, size_t count, uint64_t *start, size_t n, uint64_t *entry)
{
    for (size_t f = 0; f < count; f++)
        for (size_t p = 0; p < found[f]->count; p++) start[found[f]->pair[p] >> 32]++;
    for (size_t row = 0, total = 0; row <= n; row++) {
        const size_t here = start[row];
        start[row] = total;
        total += here;
    }
    for (size_t f = 0; f < count; f++) {
        for (size_t p = 0; p < found[f]->count; p++) {
            const uint64_t pair = found[f]->pair[p];
            entry[start[pair >> 32]++] = pair << 32 >> 16 | found[f]->distance[p];
        }
        free(found[f]->pair), free(found[f]->distance);
        found[f]->pair = NULL, found[f]->distance = NULL, found[f]->count = 0;
    }
    for (size_t row = 0, first = 0; row < n; first = start[row++]) sort_row(entry + first, start[row] - first);
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
    gather(found, (size_t)count, start, n, entry);
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
