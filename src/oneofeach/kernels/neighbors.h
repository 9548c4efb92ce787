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
    uint32_t *sketch; /* [stride], up to 32 bits of each row in bucket order, by which most are told apart, or NULL */
} Table;

typedef struct {
    const uint16_t *own, *sketch; /* positions of bits */
    size_t own_width, sketch_width;
} Layout;

/* A row on its way into a table. */
typedef struct {
    uint32_t key, row;
} Entry;

Table *neighbors_table(const uint64_t *codes, size_t n, size_t words, size_t planes, const Layout *layout);
void neighbors_sort(Table *table, const Layout *layout, Entry *entry); /* entry: room for [n] */
void neighbors_free_table(Table *table);

/* What one task finds: pairs as i << 32 | j, and the rows it made dense on its own. */
typedef struct {
    uint64_t *pair;
    uint16_t *distance;
    size_t count, room;
    uint8_t *dense;  /* by row while it runs, NULL when all pairs are wanted: a pair of two dense rows is not reported */
    size_t right;    /* where the rows of another table begin in it; 0 for a self-join */
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

/* Positions of both tables that may be near. */
enum { TOGETHER = 64, TILE = 1024, QUEUE = 4096, FOUR = 4 };
typedef struct {
    uint32_t a[QUEUE], b[QUEUE];
    size_t count;
} Queue;

typedef struct {
    const Table *left, *right; /* the same for a self-join */
    const uint32_t *probe;     /* [probes], masks that turn a key into the keys to look at; probe[0] is 0 */
    size_t probes;
    Rules rules;
    unsigned band, radius;
    unsigned sketch_limit; /* of bits that may differ in key and sketch */
    size_t limit;   /* pairs at which rows with many of them are made dense */
    Found *found;
    Queue *queue;
} Join;

/* Left buckets key .. end, no more than TOGETHER, of which only rows at positions low .. high take part. */
typedef struct {
    uint32_t key, end;
    size_t low, high;
} Buckets;

/* Left rows in fours, no four from two buckets: first[f] .. first[f + 1], of bucket[f], counted from the first one. */
typedef struct {
    uint32_t first[TILE + 1], bucket[TILE];
    size_t count;
} Fours;

/* The first words of rows side by side, and how far apart the planes of the others are. */
typedef struct {
    const uint64_t *first;
    size_t stride;
} Words;

/* Compares them with all buckets that the probes lead to; without any it finishes what waits in the queue. */
typedef void (*Cross)(const Join *join, const Buckets *buckets);

Cross neighbors_cross(const char *instructions);
void neighbors_report(const Join *join, uint64_t pair, unsigned distance);

#endif
