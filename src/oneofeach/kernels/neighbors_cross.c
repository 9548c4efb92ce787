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
#define UNLIKELY(condition) (condition)
#define APART
#else
#define UNLIKELY(condition) __builtin_expect(condition, 0)
#define APART __attribute__((noinline)) /* a loop that calls it has more registers for itself */
#endif

static inline uint64_t portable_ones(uint64_t x)
{
    x -= (x >> 1) & 0x5555555555555555u;
    x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
    return ((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u >> 56;
}

static inline unsigned portable_word_block(Words a, size_t rows, Words b, size_t planes, unsigned limit)
{
    unsigned hits = 0;
    for (size_t row = 0; row < rows; row++)
        for (unsigned lane = 0; lane < 4; lane++) {
            uint64_t total = 0;
            for (size_t p = 0; p < planes; p++)
                total += portable_ones(a.first[p * a.stride + row] ^ b.first[p * b.stride + lane]);
            hits |= (unsigned)(total <= limit) << lane;
        }
    return hits;
}

static inline unsigned portable_sketch_block(const uint32_t *a, size_t rows, const uint32_t *b, unsigned limit)
{
    unsigned hits = 0;
    for (size_t row = 0; row < rows; row++)
        for (unsigned lane = 0; lane < 4; lane++) hits |= (unsigned)(portable_ones(a[row] ^ b[lane]) <= limit) << lane;
    return hits;
}

#define NAME(x) portable_##x
#define TARGET
#define ONES portable_ones
#define WORDS 4
#define SKETCHES 4
#include "neighbors_cross.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,popcnt,bmi,bmi2")))

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

AVX2 static inline unsigned avx2_word_block(Words a, size_t rows, Words b, size_t planes, unsigned limit)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i total[FOUR] = {zero, zero, zero, zero}, nearest = _mm256_set1_epi64x(0x7fffffff);
    for (size_t p = 0; p < planes; p++) {
        const __m256i block = _mm256_loadu_si256((const __m256i *)(b.first + p * b.stride));
        for (size_t row = 0; row < rows; row++) {
            const __m256i x = _mm256_set1_epi64x((long long)a.first[p * a.stride + row]);
            total[row] = _mm256_add_epi64(total[row], _mm256_sad_epu8(avx2_ones(_mm256_xor_si256(x, block)), zero));
        }
    }
    for (size_t row = 0; row < rows; row++) nearest = _mm256_min_epi32(nearest, total[row]);
    const __m256i near = _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)limit + 1), nearest);
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(near));
}

/* A constant that stays in its register: compilers would rather make it anew in every turn of a loop. */
AVX2 static inline __m256i avx2_kept(__m256i constant)
{
    __asm__("" : "+x"(constant));
    return constant;
}

AVX2 static inline unsigned avx2_sketch_block(const uint32_t *a, size_t rows, const uint32_t *b, unsigned limit)
{
    const __m256i bytes = avx2_kept(_mm256_set1_epi8(1)), halves = avx2_kept(_mm256_set1_epi16(1));
    const __m256i block = _mm256_loadu_si256((const __m256i *)b);
    __m256i nearest = _mm256_set1_epi32(32);
    for (size_t row = 0; row < rows; row++) {
        const __m256i ones = avx2_ones(_mm256_xor_si256(_mm256_set1_epi32((int)a[row]), block));
        nearest = _mm256_min_epi32(nearest, _mm256_madd_epi16(_mm256_maddubs_epi16(ones, bytes), halves));
    }
    const __m256i near = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)limit + 1), nearest);
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(near));
}

#define NAME(x) avx2_##x
#define TARGET AVX2
#define ONES __builtin_popcountll
#define WORDS 4
#define SKETCHES 8
#include "neighbors_cross.h"

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vpopcntdq,avx512bitalg,popcnt,bmi,bmi2")))

AVX512 static inline unsigned avx512_word_block(Words a, size_t rows, Words b, size_t planes, unsigned limit)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i total[FOUR] = {zero, zero, zero, zero}, nearest = _mm512_set1_epi64(-1);
    for (size_t p = 0; p < planes; p++) {
        const __m512i block = _mm512_loadu_si512(b.first + p * b.stride);
        for (size_t row = 0; row < rows; row++) {
            const __m512i x = _mm512_set1_epi64((long long)a.first[p * a.stride + row]);
            total[row] = _mm512_add_epi64(total[row], _mm512_popcnt_epi64(_mm512_xor_si512(x, block)));
        }
    }
    for (size_t row = 0; row < rows; row++) nearest = _mm512_min_epu64(nearest, total[row]);
    return _mm512_cmple_epu64_mask(nearest, _mm512_set1_epi64((long long)limit));
}

AVX512 static inline unsigned avx512_sketch_block(const uint32_t *a, size_t rows, const uint32_t *b, unsigned limit)
{
    const __m512i block = _mm512_loadu_si512(b);
    __m512i nearest = _mm512_set1_epi32(32);
    for (size_t row = 0; row < rows; row++) {
        const __m512i different = _mm512_xor_si512(_mm512_set1_epi32((int)a[row]), block);
        nearest = _mm512_min_epu32(nearest, _mm512_popcnt_epi32(different));
    }
    return _mm512_cmple_epu32_mask(nearest, _mm512_set1_epi32((int)limit));
}

#define NAME(x) avx512_##x
#define TARGET AVX512
#define ONES __builtin_popcountll
#define WORDS 8
#define SKETCHES 16
#include "neighbors_cross.h"
#endif

/* "portable", "avx2", "avx512", or "" for the best one; NULL when the processor does not have it. */
Cross neighbors_cross(const char *instructions)
{
    const int any = !*instructions;
#if defined(__x86_64__) && defined(__GNUC__)
    const int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
    const int has_avx512 = has_avx2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512bitalg") &&
                           __builtin_cpu_supports("avx512vpopcntdq");
    if (has_avx512 && (any || !strcmp(instructions, "avx512"))) return avx512_cross;
    if (has_avx2 && (any || !strcmp(instructions, "avx2"))) return avx2_cross;
#endif
    return any || !strcmp(instructions, "portable") ? portable_cross : NULL;
}
