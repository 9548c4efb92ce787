/* Rows of the exact Hamming join in the order of their key in one band: a counting sort. */
#include "neighbors.h"
#include <stdlib.h>
#include <string.h>

void neighbors_free_table(Table *table)
{
    if (table) free(table->start), free(table->row), free(table->plane), free(table->partner);
    free(table);
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

void neighbors_sort(Table *table, const Layout *layout, uint32_t *key)
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

Table *neighbors_table(const uint64_t *codes, size_t n, size_t words, size_t planes, const Layout *layout)
{
    Table *table = calloc(1, sizeof *table);
    if (!table) return NULL;
    *table = (Table){codes, n, words, (size_t)1 << layout->own_width, planes, n + LANES, NULL, NULL, NULL, NULL};
    table->start = calloc(table->buckets + 1, sizeof *table->start);
    table->row = malloc((n + 1) * sizeof *table->row);
    table->plane = calloc(planes * table->stride, sizeof *table->plane);
    if (layout->partner_width) table->partner = calloc(table->stride, sizeof *table->partner);
    if (table->start && table->row && table->plane && (table->partner || !layout->partner_width)) return table;
    neighbors_free_table(table);
    return NULL;
}
