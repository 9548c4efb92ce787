/* The inner loops of the join, included once per instruction set with NAME(x), TARGET, ONES(x): set bits of a word, and
 * with SKETCHES, WORDS: rows per block; NAME(sketch_block), NAME(word_block): those within the limit of any of up to
 * four rows, one bit each. */

TARGET static unsigned NAME(different)(const uint64_t *a, const uint64_t *b, const uint64_t *mask, size_t words)
{
    unsigned total = 0;
    for (size_t w = 0; w < words; w++) total += (unsigned)ONES((a[w] ^ b[w]) & mask[w]);
    return total;
}

TARGET static int NAME(finds)(const Rules *rules, unsigned band, const uint64_t *a, const uint64_t *b, size_t words)
{
    return NAME(different)(a, b, rules->own + band * words, words) <= rules->own_limit[band] &&
           NAME(different)(a, b, rules->both + band * words, words) <= rules->both_limit[band];
}

/* Two positions whose leading words are within the radius. A pair is reported by the first band that finds it. */
TARGET static void NAME(meet)(const Join *join, size_t at, size_t bt)
{
    const size_t words = join->left->words;
    const uint32_t i = join->left->row[at], j = join->right->row[bt];
    const uint8_t *dense = join->found->dense;
    if (dense && dense[i] && dense[j + join->found->right]) return;
    const uint64_t *a = join->left->codes + i * words, *b = join->right->codes + j * words;
    unsigned distance = 0;
    for (size_t w = 0; w < words; w++) distance += (unsigned)ONES(a[w] ^ b[w]);
    if (distance > join->radius || !NAME(finds)(&join->rules, join->band, a, b, words)) return;
    for (unsigned band = 0; band < join->band; band++)
        if (NAME(finds)(&join->rules, band, a, b, words)) return;
    const int turn = join->left == join->right && i > j;
    neighbors_report(join, turn ? (uint64_t)j << 32 | i : (uint64_t)i << 32 | j, distance);
}

/* Looks at what waits in the queue. All words are asked for before the first is used: most are far from the cache. */
TARGET static void NAME(flush)(const Join *join)
{
    Queue *queue = join->queue;
    const Table *left = join->left, *right = join->right;
    for (size_t w = 0; w < queue->count; w++) {
        __builtin_prefetch(left->plane + queue->a[w]);
        __builtin_prefetch(right->plane + queue->b[w]);
    }
    for (size_t w = 0; w < queue->count; w++) {
        const size_t a = queue->a[w], b = queue->b[w];
        unsigned distance = 0;
        for (size_t p = 0; p < left->planes; p++)
            distance += (unsigned)ONES(left->plane[p * left->stride + a] ^ right->plane[p * right->stride + b]);
        if (distance <= join->radius && (left != right || a < b)) NAME(meet)(join, a, b);
    }
    queue->count = 0;
}

/* The rows of the block from b on that are near any of those from a on, by their sketches or by whole words. */
TARGET static inline unsigned NAME(near)(const Join *join, size_t a, size_t rows, size_t b, unsigned limit, int whole)
{
    const Table *left = join->left, *right = join->right;
    if (!whole) return NAME(sketch_block)(left->sketch + a, rows, right->sketch + b, limit);
    const Words ours = {left->plane + a, left->stride}, theirs = {right->plane + b, right->stride};
    return NAME(word_block)(ours, rows, theirs, left->planes, limit);
}

/* Queues what is near of rows a .. end and of the block from b on. */
TARGET APART static void NAME(queue)(const Join *join, size_t a, size_t end, size_t b, unsigned inside,
                                     unsigned limit, int whole)
{
    Queue *queue = join->queue;
    if (queue->count + FOUR * 32 > QUEUE) NAME(flush)(join);
    for (; a < end; a++)
        for (unsigned hits = NAME(near)(join, a, 1, b, limit, whole) & inside; hits; hits &= hits - 1) {
            queue->a[queue->count] = (uint32_t)a;
            queue->b[queue->count++] = (uint32_t)b + (uint32_t)__builtin_ctz(hits);
        }
}

/* Up to four rows of a bucket meet another one, block by block and mostly without a hit. Where the four reach into the
 * next bucket, its rows are only left out once there is one. later: of the right bucket only rows after the first. */
TARGET static inline void NAME(sweep)(const Join *join, const Fours *fours, uint32_t to, unsigned limit, int later,
                                      int whole)
{
    const uint32_t *start = join->right->start;
    const size_t lanes = whole ? WORDS : SKETCHES;
    for (size_t f = 0; f < fours->count; f++) {
        const size_t a = fours->first[f];
        const uint32_t other = to ^ fours->bucket[f];
        const size_t end = start[other + 1];
        size_t b = start[other];
        if (later && b <= a) b = a < end ? a + 1 : end;
        do {
            const uint32_t inside = (1u << (end - b < lanes ? end - b : lanes)) - 1;
            const unsigned hits = NAME(near)(join, a, FOUR, b, limit, whole) & inside;
            if (UNLIKELY(hits)) NAME(queue)(join, a, fours->first[f + 1], b, hits, limit, whole);
            b += lanes;
        } while (b < end);
    }
}

/* Rows low .. high of the left buckets, at most TILE. One probe leads from all of them to as many buckets side by side,
 * which the cache then holds. A pair of buckets of one table is met from the one with the smaller key. */
TARGET static void NAME(tile)(const Join *join, const Buckets *buckets, size_t low, size_t high)
{
    const int itself = join->left == join->right;
    const uint32_t *start = join->left->start;
    Fours fours;
    fours.count = 0;
    for (uint32_t key = buckets->key; low < high; fours.count++) {
        while (start[key + 1] <= low) key++;
        fours.first[fours.count] = (uint32_t)low;
        fours.bucket[fours.count] = key - buckets->key;
        low = low + FOUR < start[key + 1] ? low + FOUR : start[key + 1];
        if (low > high) low = high;
    }
    fours.first[fours.count] = (uint32_t)high;
    for (size_t p = 0; p < join->probes; p++) {
        const uint32_t probe = join->probe[p], to = buckets->key ^ probe;
        const int later = itself && probe < TOGETHER;
        if (itself && !later && to < buckets->key) continue;
        const unsigned limit = join->left->sketch ? join->sketch_limit - (unsigned)ONES(probe) : join->radius;
        if (!join->left->sketch && later) NAME(sweep)(join, &fours, to, limit, 1, 1);
        else if (!join->left->sketch) NAME(sweep)(join, &fours, to, limit, 0, 1);
        else if (later) NAME(sweep)(join, &fours, to, limit, 1, 0);
        else NAME(sweep)(join, &fours, to, limit, 0, 0);
    }
}

TARGET static void NAME(cross)(const Join *join, const Buckets *buckets)
{
    if (!buckets) {
        NAME(flush)(join);
        return;
    }
    const uint32_t *start = join->left->start;
    size_t low = start[buckets->key] > buckets->low ? start[buckets->key] : buckets->low;
    const size_t high = start[buckets->end] < buckets->high ? start[buckets->end] : buckets->high;
    for (; low < high; low += TILE) NAME(tile)(join, buckets, low, high - low < TILE ? high : low + TILE);
}

#undef NAME
#undef TARGET
#undef ONES
#undef WORDS
#undef SKETCHES
