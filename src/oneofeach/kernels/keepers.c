/* Keeper-first over a finished list of pairs: see keepers_numpy.py for the method in a few lines.
 * Takes 25 bytes per row and 12 per pair beside its arguments, and works without the GIL. */
#include "kernels.h"
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

#ifdef __GNUC__
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)0)
#endif

typedef struct {
    size_t n, m;
    const int64_t *order, *i, *j, *same;
    const double *similarity;
    const uint8_t *readable;
    double threshold;
} Input;

/* The ranks a < b of the leaders that a pair joins; equal when it joins none. */
typedef struct {
    uint32_t a, b;
} Edge;

typedef struct {
    uint32_t *rank;   /* by row: its place in the order */
    uint32_t *leader; /* by class: its best readable row */
    uint32_t *worst;  /* by class: its last readable row */
    uint32_t *better; /* by row: the readable row of its class that comes before it */
    Edge *edge;       /* by pair */
    uint64_t *start;  /* by rank: its edges to worse rows are worse[start[rank]] .. worse[start[rank + 1]] */
    uint32_t *worse;
    uint8_t *fallen; /* by rank */
} Scratch;

static void line_up(const Input *in, Scratch *s)
{
    memset(s->leader, 0xff, in->n * sizeof *s->leader);
    memset(s->worst, 0xff, in->n * sizeof *s->worst);
    for (size_t place = 0; place < in->n; place++) {
        const int64_t row = in->order[place], class = in->same[row];
        s->rank[row] = (uint32_t)place;
        if (!in->readable[row]) continue;
        if (s->leader[class] == NONE) s->leader[class] = (uint32_t)row;
        s->better[row] = s->worst[class];
        s->worst[class] = (uint32_t)row;
    }
}

/* All rows are looked up this many pairs ahead: hardly any is in the cache. */
enum { AHEAD = 24 };
#define ASK(address, p) if ((p) + AHEAD < in->m) PREFETCH(address)

static void name_edges(const Input *in, Scratch *s)
{
    for (size_t p = 0; p < in->m; p++) {
        ASK(s->leader + in->j[p + AHEAD], p);
        s->edge[p] = (Edge){0, 0};
        if (!(in->similarity[p] >= in->threshold)) continue;
        const uint32_t first = s->leader[in->i[p]], second = s->leader[in->j[p]];
        if (first != NONE && second != NONE) s->edge[p] = (Edge){first, second};
    }
    for (size_t p = 0; p < in->m; p++) {
        ASK(s->rank + s->edge[p + AHEAD].a, p);
        ASK(s->rank + s->edge[p + AHEAD].b, p);
        const uint32_t x = s->rank[s->edge[p].a], y = s->rank[s->edge[p].b];
        s->edge[p] = x < y ? (Edge){x, y} : (Edge){y, x};
    }
}

static int list_edges(const Input *in, Scratch *s)
{
    for (size_t p = 0; p < in->m; p++) {
        ASK(s->start + s->edge[p + AHEAD].a, p);
        if (s->edge[p].a != s->edge[p].b) s->start[s->edge[p].a + 1]++;
    }
    for (size_t place = 0; place < in->n; place++) s->start[place + 1] += s->start[place];
    s->worse = malloc((s->start[in->n] + 1) * sizeof *s->worse);
    if (!s->worse) return 0;
    for (size_t p = 0; p < in->m; p++) {
        ASK(s->start + s->edge[p + AHEAD].a, p);
        if (s->edge[p].a != s->edge[p].b) s->worse[s->start[s->edge[p].a]++] = s->edge[p].b;
    }
    memmove(s->start + 1, s->start, in->n * sizeof *s->start);
    s->start[0] = 0;
    return 1;
}

static void fell(const Input *in, Scratch *s)
{
    for (size_t place = 0; place < in->n; place++)
        if (!s->fallen[place])
            for (uint64_t e = s->start[place]; e < s->start[place + 1]; e++) s->fallen[s->worse[e]] = 1;
}

/* Offers the keeper of one class, by pair p, to the rows of another that come after it. */
static void offer(const Input *in, const Scratch *s, size_t p, uint32_t keeper, int64_t class, int64_t *keepers,
                  int64_t *pair)
{
    const uint32_t place = s->rank[keeper];
    for (uint32_t row = s->worst[class]; row != NONE && s->rank[row] > place; row = s->better[row]) {
        const double had = pair[row] < 0 ? -1.0 : in->similarity[pair[row]];
        if (in->similarity[p] < had) continue;
        if (in->similarity[p] == had && s->rank[keepers[row]] < place) continue;
        keepers[row] = keeper;
        pair[row] = (int64_t)p;
    }
}

static void assign(const Input *in, const Scratch *s, int64_t *keepers, int64_t *pair)
{
    for (size_t row = 0; row < in->n; row++) {
        pair[row] = -1;
        keepers[row] = in->readable[row] ? (int64_t)s->leader[in->same[row]] : -1;
    }
    for (size_t p = 0; p < in->m; p++) {
        ASK(s->fallen + s->edge[p + AHEAD].b, p);
        const uint32_t a = s->edge[p].a, b = s->edge[p].b;
        if (s->fallen[a] == s->fallen[b]) continue;
        const int64_t kept = in->order[s->fallen[a] ? b : a], other = in->order[s->fallen[a] ? a : b];
        offer(in, s, p, (uint32_t)kept, in->same[other], keepers, pair);
    }
}

/* keepers(n, m, order, i, j, similarity, same, readable, threshold, keeper, pair): int64[n], int64[m], int64[m],
 * float64[m], int64[n], bool[n] in; int64[n] and int64[n] out. n < 2 ** 32 - 1. */
static PyObject *py_keepers(PyObject *self, PyObject *args)
{
    unsigned long long n, m, order, i, j, similarity, same, readable, keeper, pair;
    double threshold;
    if (!PyArg_ParseTuple(args, "KKKKKKKKdKK", &n, &m, &order, &i, &j, &similarity, &same, &readable, &threshold,
                          &keeper, &pair))
        return NULL;
    const Input in = {n, m, (const int64_t *)(uintptr_t)order, (const int64_t *)(uintptr_t)i,
                      (const int64_t *)(uintptr_t)j, (const int64_t *)(uintptr_t)same,
                      (const double *)(uintptr_t)similarity, (const uint8_t *)(uintptr_t)readable, threshold};
    const size_t rows = in.n + 1;
    Scratch s = {malloc(rows * 4), malloc(rows * 4), malloc(rows * 4), malloc(rows * 4),
                 malloc((in.m + 1) * sizeof(Edge)), calloc(rows, 8), NULL, calloc(rows, 1)};
    int done = s.rank && s.leader && s.worst && s.better && s.edge && s.start && s.fallen;
    if (done) {
        Py_BEGIN_ALLOW_THREADS
        line_up(&in, &s);
        name_edges(&in, &s);
        done = list_edges(&in, &s);
        if (done) {
            fell(&in, &s);
            assign(&in, &s, (int64_t *)(uintptr_t)keeper, (int64_t *)(uintptr_t)pair);
        }
        Py_END_ALLOW_THREADS
    }
    free(s.rank), free(s.leader), free(s.worst), free(s.better);
    free(s.edge), free(s.start), free(s.worse), free(s.fallen);
    if (!done) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

PyMethodDef keepers_methods[] = {{"keepers", py_keepers, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
