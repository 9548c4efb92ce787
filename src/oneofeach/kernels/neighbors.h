/* The exact Hamming join: structures shared by its table builder, its inner loops and its bindings. */
#ifndef ONEOFEACH_NEIGHBORS_H
#define ONEOFEACH_NEIGHBORS_H

#include <stddef.h>
#include <stdint.h>

#define LANES 32 /* no block of rows compared at once is longer; planes are padded by as many */

/* Rows of a set in the order of their key in one band: bucket k is positions start[k] .. start[k + 1]. */
typedef struct {
    const uint64_t *codes; /* [n, words], borrowed */
    size_t n, words, buckets, planes, stride;
    uint32_t *start;  /* [buckets + 1] */
    uint32_t *row;    /* [n], position -> row */
    uint64_t *plane;  /* [planes, stride], the leading words in bucket order */
    uint16_t *partner; /* [stride], up to 16 bits of the partner band in bucket order, or NULL */
} Table;

typedef struct {
    const uint16_t *own, *partner; /* positions of bits */
    size_t own_width, partner_width;
} Layout;

Table *neighbors_table(const uint64_t *codes, size_t n, size_t words, size_t planes, const Layout *layout);
void neighbors_sort(Table *table, const Layout *layout, uint32_t *key); /* key: room for [n] */
void neighbors_free_table(Table *table);

/* What one task finds: pairs as i << 32 | j, and the rows it made dense on its own. */
typedef struct {
    uint64_t *pair;
    uint16_t *distance;
    size_t count, room;
    uint8_t *dense;  /* [n] while it runs, NULL when all pairs are wanted: a pair of two dense rows is not reported */
    uint32_t *fresh; /* [freshly] rows */
    size_t freshly;
    int out_of_memory;
} Found;

void neighbors_open_dense(Found *found, const uint8_t *dense, size_t n);
void neighbors_close_dense(Found *found, const uint8_t *dense, size_t n);
void neighbors_gather(Found **found, size_t count, uint64_t *start, size_t n, uint64_t *entry);

/* What must hold for a band to find a pair: few bits differ in the band, and few in the band and its partner. */
typedef struct {
    const uint64_t *own, *both; /* [bands, words] */
    const uint8_t *own_limit, *both_limit; /* [bands] */
} Rules;

/* Blocks of rows that may be near: the left position, the first right one, and which of the block. */
enum { TILE = 1024, QUEUE = 4096 };
typedef struct {
    uint32_t a[QUEUE], b[QUEUE], hits[QUEUE];
    size_t count;
} Queue;

typedef struct {
    const Table *left, *right; /* the same for a self-join */
    const uint32_t *probe;     /* [probes], masks that turn a key into the keys to look at; probe[0] is 0 */
    size_t probes;
    Rules rules;
    unsigned band, radius;
    size_t limit;   /* pairs at which rows with many of them are made dense */
    Found *found;
    Queue *queue;
} Join;

/* Positions of the left table a0..a1, of the right one b0..b1. same: each pair once, none with itself. */
typedef struct {
    size_t a0, a1, b0, b1;
    int same;
    unsigned limit; /* of bits that may differ in the partner */
} Runs;

/* Compares two runs; without runs it finishes what waits in the queue. */
typedef void (*Cross)(const Join *join, const Runs *runs);

Cross neighbors_cross(const char *instructions);
void neighbors_report(const Join *join, uint64_t pair, unsigned distance);

#endif
