/* Rows of the exact Hamming join in the order of their key in one band: a counting sort in two passes. */
#include "neighbors.h"
#include <stdlib.h>
#include <string.h>

enum { PART_BITS = 9, PARTS = 1 << PART_BITS, AHEAD = 16 };

#ifdef __GNUC__
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)0)
#endif

void neighbors_free_table(Table *table)
{
    if (table) free(table->start), free(table->row), free(table->plane), free(table->sketch);
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

/* By the leading bits of the keys: entry gets the rows, and part[p] .. part[p + 1] are where those of part p begin and
 * end. What is sorted by all bits afterwards is then small enough for the cache. The keys lie in table->row meanwhile. */
static void divide(Table *table, const Segment *own, size_t owns, unsigned shift, size_t *part, Entry *entry)
{
    size_t to[PARTS + 1] = {0};
    for (size_t row = 0; row < table->n; row++) {
        const uint32_t key = (uint32_t)bits_at(table->codes + row * table->words, own, owns);
        table->row[row] = key;
        to[(key >> shift) + 1]++;
    }
    for (size_t p = 0; p < PARTS; p++) to[p + 1] += to[p];
    memcpy(part, to, sizeof to);
    for (size_t row = 0; row < table->n; row++)
        entry[to[table->row[row] >> shift]++] = (Entry){table->row[row], (uint32_t)row};
}

/* start[k] moves from the first position of bucket k to its end. */
static void place(Table *table, const Segment *sketch, size_t segments, const Entry *entry, const Entry *end)
{
    for (; entry < end; entry++) {
        if (end - entry > AHEAD) PREFETCH(table->codes + entry[AHEAD].row * table->words);
        const uint64_t *code = table->codes + entry->row * table->words;
        const size_t to = table->start[entry->key]++;
        table->row[to] = entry->row;
        if (table->sketch) table->sketch[to] = (uint32_t)bits_at(code, sketch, segments);
        for (size_t p = 0; p < table->planes; p++) table->plane[p * table->stride + to] = code[p];
    }
}

void neighbors_sort(Table *table, const Layout *layout, Entry *entry)
{
    Segment own[32], sketch[32];
    const size_t owns = segments_of(layout->own, layout->own_width, own);
    const size_t segments = segments_of(layout->sketch, layout->sketch_width, sketch);
    const unsigned shift = layout->own_width > PART_BITS ? (unsigned)layout->own_width - PART_BITS : 0;
    size_t part[PARTS + 1];
    divide(table, own, owns, shift, part, entry);
    for (size_t p = 0; p < PARTS && p << shift < table->buckets; p++) {
        for (size_t e = part[p]; e < part[p + 1]; e++) table->start[entry[e].key]++;
        uint32_t here = (uint32_t)part[p];
        for (size_t k = p << shift; k < (p + 1) << shift; k++) {
            const uint32_t rows = table->start[k];
            table->start[k] = here;
            here += rows;
        }
        place(table, sketch, segments, entry + part[p], entry + part[p + 1]);
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
    if (layout->sketch_width) table->sketch = calloc(table->stride, sizeof *table->sketch);
    if (table->start && table->row && table->plane && (table->sketch || !layout->sketch_width)) return table;
    neighbors_free_table(table);
    return NULL;
}
