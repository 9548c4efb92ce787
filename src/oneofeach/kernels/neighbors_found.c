/* What the tasks of the exact Hamming join find: gathered in the order of their rows, thinned out where rows are dense. */
#include "neighbors.h"
#include <stdlib.h>
#include <string.h>

static int is_dense(const Found *found, uint64_t pair)
{
    return found->dense[pair >> 32] && found->dense[(uint32_t)pair + found->right];
}

/* Drops the pairs of two dense rows. */
static void drop_dense(Found *found)
{
    size_t left = 0;
    for (size_t p = 0; p < found->count; p++) {
        if (is_dense(found, found->pair[p])) continue;
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
    for (size_t p = 0; p < found->count; p++) {
        degree[found->pair[p] >> 32]++;
        degree[(uint32_t)found->pair[p] + found->right]++;
    }
    for (uint32_t many = 1024; found->count > half; many /= 2) {
        for (size_t p = 0; p < found->count; p++) {
            const size_t i = found->pair[p] >> 32, j = (uint32_t)found->pair[p] + found->right;
            found->dense[i] |= degree[i] > many;
            found->dense[j] |= degree[j] > many;
        }
        drop_dense(found);
    }
    free(degree);
}

/* The task has its own copy of `dense`, so that no task depends on another's; what it adds is kept as a list. */
void neighbors_open_dense(Found *found, const uint8_t *dense, size_t n)
{
    if (!dense) return;
    found->dense = malloc(n + 1);
    found->out_of_memory |= !found->dense;
    if (found->dense) memcpy(found->dense, dense, n);
}

void neighbors_close_dense(Found *found, const uint8_t *dense, size_t n)
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
        thin_out(found, join->left->n + found->right);
        if (is_dense(found, pair)) return;
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
void neighbors_gather(Found **found, size_t count, uint64_t *start, size_t n, uint64_t *entry)
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
