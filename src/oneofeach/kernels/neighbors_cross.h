/* The inner loops of the join, included once per instruction set with NAME(x), TARGET, ONES(x): set bits of a word;
 * LONG, SHORT: rows per block of words, of partners; and NAME(long_block), NAME(short_block): the rows of a block
 * that are within the limit, BITS equal bits each. */


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
    if (dense && dense[i] && dense[j]) return;
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
    for (size_t w = 0; w < queue->count; w++)
        for (uint32_t hits = queue->hits[w]; hits; hits &= hits - 1)
            __builtin_prefetch(right->plane + queue->b[w] + __builtin_ctz(hits) / BITS);
    for (size_t w = 0; w < queue->count; w++)
        for (uint32_t hits = queue->hits[w]; hits; hits &= hits - 1) {
            const size_t a = queue->a[w], b = queue->b[w] + (size_t)__builtin_ctz(hits) / BITS;
            unsigned distance = 0;
            for (size_t p = 0; p < left->planes; p++)
                distance += (unsigned)ONES(left->plane[p * left->stride + a] ^ right->plane[p * right->stride + b]);
            if (distance <= join->radius && (left != right || a < b)) NAME(meet)(join, a, b);
        }
    queue->count = 0;
}

/* Loops over two runs: a block of the right one stays in registers while a tile of the left one passes by, and what
 * is near enough joins the queue without a branch. */
#define FIRST (0xffffffffu / ((1u << BITS) - 1)) /* the first bit of every row */
#define PASS(STEP, HITS)                                                                                               \
    for (size_t tile = runs->a0; tile < runs->a1; tile += TILE) {                                                      \
        const size_t end = runs->a1 - tile < TILE ? runs->a1 : tile + TILE;                                            \
        for (size_t b = runs->same ? tile : runs->b0; b < runs->b1; b += STEP) {                                       \
            const size_t last = runs->same && b + STEP < end ? b + STEP : end, rest = (runs->b1 - b) * BITS;           \
            const uint32_t inside = FIRST & (rest < 32 ? (1u << rest) - 1 : 0xffffffffu);                              \
            if (queue->count + TILE > QUEUE) NAME(flush)(join);                                                        \
            size_t count = queue->count;                                                                               \
            for (size_t a = tile; a < last; a++) {                                                                     \
                const uint32_t hits = HITS & inside;                                                                   \
                queue->a[count] = (uint32_t)a;                                                                         \
                queue->b[count] = (uint32_t)b;                                                                         \
                queue->hits[count] = hits;                                                                             \
                count += hits != 0;                                                                                    \
            }                                                                                                          \
            queue->count = count;                                                                                      \
        }                                                                                                              \
    }

TARGET static void NAME(cross)(const Join *join, const Runs *runs)
{
    Queue *queue = join->queue;
    const Table *left = join->left, *right = join->right;
    if (!runs) {
        NAME(flush)(join);
    } else if (left->partner) {
        const uint16_t *ours = left->partner, *theirs = right->partner;
        const unsigned limit = runs->limit;
        PASS(SHORT, NAME(short_block)(ours[a], theirs + b, limit))
    } else {
        const uint64_t *ours = left->plane, *theirs = right->plane;
        const size_t planes = left->planes, step = left->stride, stride = right->stride;
        const unsigned limit = join->radius;
        PASS(LONG, NAME(long_block)(ours + a, step, theirs + b, stride, planes, limit))
    }
}

#undef FIRST
#undef PASS
#undef NAME
#undef TARGET
#undef ONES
#undef LONG
#undef SHORT
#undef BITS
