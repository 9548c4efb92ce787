/* Instruction sets of the join's inner loops; the best one that the processor has is chosen at run time. */
#include "neighbors.h"
#include <string.h>

#if defined(_MSC_VER)
#include <intrin.h>
static unsigned lowest(unsigned bits)
{
    unsigned long at;
    _BitScanForward(&at, bits);
    return at;
}
#define __builtin_ctz lowest
#define __builtin_prefetch(address) ((void)0)
#endif

/* Set bits of each 16-bit lane. */
static inline uint64_t portable_ones16(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    return (x + (x >> 8)) & 0x00ff00ff00ff00ffu;
}

static inline uint64_t portable_ones(uint64_t x) { return portable_ones16(x) * 0x0001000100010001u >> 48; }

static inline unsigned portable_long_block(
    const uint64_t *a, size_t a_stride, const uint64_t *b, size_t b_stride, size_t planes, unsigned limit)
{
    unsigned hits = 0;
    for (unsigned lane = 0; lane < 4; lane++) {
        uint64_t total = 0;
        for (size_t p = 0; p < planes; p++) total += portable_ones(a[p * a_stride] ^ b[p * b_stride + lane]);
        hits |= (unsigned)(total <= limit) << lane;
    }
    return hits;
}

/* Four lanes in one word; a lane above the limit carries into its top bit. */
static inline unsigned portable_short_block(uint16_t a, const uint16_t *b, unsigned limit)
{
    const uint64_t each = 0x0001000100010001u;
    const uint64_t four = (uint64_t)b[0] | (uint64_t)b[1] << 16 | (uint64_t)b[2] << 32 | (uint64_t)b[3] << 48;
    const uint64_t far = portable_ones16(four ^ a * each) + (0x7fff - limit) * each;
    const uint64_t near = ~far >> 15 & each;
    return (unsigned)((near | near >> 15 | near >> 30 | near >> 45) & 15);
}

#define NAME(x) portable_##x
#define TARGET
#define ONES portable_ones
#define LONG 4
#define SHORT 4
#define BITS 1
#include "neighbors_cross.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,popcnt,bmi")))

/* Set bits of each byte, by looking up its halves. */
AVX2 static inline __m256i avx2_ones(__m256i x)
{
    const __m256i table = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i half = _mm256_set1_epi8(15);
    const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, half));
    const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), half));
    return _mm256_add_epi8(low, high);
}

AVX2 static inline unsigned avx2_long_block(
    const uint64_t *a, size_t a_stride, const uint64_t *b, size_t b_stride, size_t planes, unsigned limit)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i first = zero, second = zero;
    for (size_t p = 0; p < planes; p++) {
        const __m256i x = _mm256_set1_epi64x((long long)a[p * a_stride]);
        const __m256i *y = (const __m256i *)(b + p * b_stride);
        const __m256i low = avx2_ones(_mm256_xor_si256(x, _mm256_loadu_si256(y)));
        const __m256i high = avx2_ones(_mm256_xor_si256(x, _mm256_loadu_si256(y + 1)));
        first = _mm256_add_epi64(first, _mm256_sad_epu8(low, zero));
        second = _mm256_add_epi64(second, _mm256_sad_epu8(high, zero));
    }
    const __m256i more = _mm256_set1_epi64x((long long)limit + 1);
    const __m256i low = _mm256_cmpgt_epi64(more, first), high = _mm256_cmpgt_epi64(more, second);
    const __m256i near = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), _MM_SHUFFLE(3, 1, 2, 0));
    const __m128i rows = _mm_packs_epi16(_mm256_castsi256_si128(near), _mm256_extracti128_si256(near, 1));
    return (unsigned)_mm_movemask_epi8(rows);
}

AVX2 static inline unsigned avx2_short_block(uint16_t a, const uint16_t *b, unsigned limit)
{
    const __m256i ones = avx2_ones(_mm256_xor_si256(_mm256_set1_epi16((short)a), _mm256_loadu_si256((const __m256i *)b)));
    const __m256i total = _mm256_maddubs_epi16(ones, _mm256_set1_epi8(1));
    const __m256i near = _mm256_cmpgt_epi16(_mm256_set1_epi16((short)(limit + 1)), total);
    return (unsigned)_mm256_movemask_epi8(near);
}

#define NAME(x) avx2_##x
#define TARGET AVX2
#define ONES __builtin_popcountll
#define LONG 8
#define SHORT 16
#define BITS 2
#include "neighbors_cross.h"

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vpopcntdq,avx512bitalg,popcnt,bmi")))

AVX512 static inline unsigned avx512_long_block(
    const uint64_t *a, size_t a_stride, const uint64_t *b, size_t b_stride, size_t planes, unsigned limit)
{
    __m512i total = _mm512_setzero_si512();
    for (size_t p = 0; p < planes; p++) {
        const __m512i x = _mm512_set1_epi64((long long)a[p * a_stride]);
        total = _mm512_add_epi64(total, _mm512_popcnt_epi64(_mm512_xor_si512(x, _mm512_loadu_si512(b + p * b_stride))));
    }
    return _mm512_cmple_epu64_mask(total, _mm512_set1_epi64((long long)limit));
}

AVX512 static inline unsigned avx512_short_block(uint16_t a, const uint16_t *b, unsigned limit)
{
    const __m512i different = _mm512_xor_si512(_mm512_set1_epi16((short)a), _mm512_loadu_si512(b));
    return _mm512_cmple_epu16_mask(_mm512_popcnt_epi16(different), _mm512_set1_epi16((short)limit));
}

#define NAME(x) avx512_##x
#define TARGET AVX512
#define ONES __builtin_popcountll
#define LONG 8
#define SHORT 32
#define BITS 1
#include "neighbors_cross.h"
#endif

/* "portable", "avx2", "avx512", or "" for the best one; NULL when the processor does not have it. */
Cross neighbors_cross(const char *instructions)
{
    const int any = !*instructions;
#if defined(__x86_64__) && defined(__GNUC__)
    const int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
    const int has_avx512 = has_avx2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512bitalg") &&
                           __builtin_cpu_supports("avx512vpopcntdq");
    if (has_avx512 && (any || !strcmp(instructions, "avx512"))) return avx512_cross;
    if (has_avx2 && (any || !strcmp(instructions, "avx2"))) return avx2_cross;
#endif
    return any || !strcmp(instructions, "portable") ? portable_cross : NULL;
}
