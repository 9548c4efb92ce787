/* Four floats at once: SSE2 where it is, plain C with the same results elsewhere. */
#ifndef ONEOFEACH_FOUR_H
#define ONEOFEACH_FOUR_H

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

typedef __m128 Four;

static inline Four four_at(const float *at) { return _mm_loadu_ps(at); }
static inline Four four_times(Four a, float b) { return _mm_mul_ps(a, _mm_set1_ps(b)); }
static inline Four four_plus(Four a, Four b) { return _mm_add_ps(a, b); }
static inline Four four_minus(Four a, Four b) { return _mm_sub_ps(a, b); }
static inline void four_turned(Four *rows) { _MM_TRANSPOSE4_PS(rows[0], rows[1], rows[2], rows[3]); }

/* Eight at a time, which compilers that know a faster way for long stretches do not do for short ones. */
static inline void four_zeros(int16_t *out, size_t count)
{
    for (size_t k = 0; k < count; k += 8) _mm_storeu_si128((__m128i *)(out + k), _mm_setzero_si128());
}

/* The first `count` values, rounded down and clipped to 0..255. */
static inline void four_bytes(Four a, uint8_t *out, size_t count)
{
    const Four clipped = _mm_min_ps(_mm_max_ps(a, _mm_setzero_ps()), _mm_set1_ps(255.0f));
    const __m128i words = _mm_packs_epi32(_mm_cvttps_epi32(clipped), _mm_setzero_si128());
    const int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words));
    memcpy(out, &bytes, count);
}

/* The same of four rows of four values, which 32 bits can hold. */
static inline void four_rows(const Four *rows, uint8_t *out, size_t stride)
{
    const __m128 none = _mm_setzero_ps();
    const __m128i a = _mm_cvttps_epi32(_mm_max_ps(rows[0], none)), b = _mm_cvttps_epi32(_mm_max_ps(rows[1], none));
    const __m128i c = _mm_cvttps_epi32(_mm_max_ps(rows[2], none)), d = _mm_cvttps_epi32(_mm_max_ps(rows[3], none));
    __m128i bytes = _mm_packus_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d));
    for (int y = 0; y < 4; y++, bytes = _mm_srli_si128(bytes, 4)) {
        const int32_t row = _mm_cvtsi128_si32(bytes);
        memcpy(out + (size_t)y * stride, &row, 4);
    }
}
#else
typedef struct {
    float at[4];
} Four;

static inline Four four_at(const float *at)
{
    Four result;
    memcpy(result.at, at, sizeof result.at);
    return result;
}

static inline Four four_times(Four a, float b)
{
    for (int i = 0; i < 4; i++) a.at[i] *= b;
    return a;
}

static inline Four four_plus(Four a, Four b)
{
    for (int i = 0; i < 4; i++) a.at[i] += b.at[i];
    return a;
}

static inline Four four_minus(Four a, Four b)
{
    for (int i = 0; i < 4; i++) a.at[i] -= b.at[i];
    return a;
}

static inline void four_turned(Four *rows)
{
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++) {
            const float other = rows[i].at[j];
            rows[i].at[j] = rows[j].at[i], rows[j].at[i] = other;
        }
}

static inline void four_zeros(int16_t *out, size_t count) { memset(out, 0, count * sizeof *out); }

static inline void four_bytes(Four a, uint8_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const float value = a.at[i];
        out[i] = (uint8_t)(int)(value > 0.0f ? value < 255.0f ? value : 255.0f : 0.0f);
    }
}

static inline void four_rows(const Four *rows, uint8_t *out, size_t stride)
{
    for (size_t y = 0; y < 4; y++) four_bytes(rows[y], out + y * stride, 4);
}
#endif

#endif
