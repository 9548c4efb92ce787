/* Resampling and Laplacian of int16 planes: eight values at once with SSE2, one by one elsewhere; equal results. */
#include "resample.h"

#ifdef __SSE2__
#include <emmintrin.h>

static inline __m128i eight(const int16_t *at) { return _mm_loadu_si128((const __m128i *)at); }

/* Eight columns of one resampled row: two taps at a time. */
static inline void eight_columns(const int16_t *in, ptrdiff_t columns, const int16_t *weight, ptrdiff_t taps,
                                 int16_t *out)
{
    __m128i low = _mm_set1_epi32(2048), high = low;
    for (ptrdiff_t t = 0; t < taps; t += 2) {
        const int two = t + 1 < taps;
        const __m128i a = eight(in + t * columns), b = two ? eight(in + (t + 1) * columns) : _mm_setzero_si128();
        const __m128i w = _mm_set1_epi32(weight[t] | (two ? weight[t + 1] : 0) * 65536);
        low = _mm_add_epi32(low, _mm_madd_epi16(_mm_unpacklo_epi16(a, b), w));
        high = _mm_add_epi32(high, _mm_madd_epi16(_mm_unpackhi_epi16(a, b), w));
    }
    _mm_storeu_si128((__m128i *)out, _mm_packs_epi32(_mm_srai_epi32(low, 12), _mm_srai_epi32(high, 12)));
}

/* Eight columns of eight rows, transposed. */
static inline void eight_turned(const int16_t *in, ptrdiff_t columns, ptrdiff_t grid, int16_t *out)
{
    __m128i a[8], b[8];
    for (int k = 0; k < 8; k++) a[k] = eight(in + k * columns);
    for (int pass = 0; pass < 3; pass++) {
        for (int k = 0; k < 4; k++) {
            b[2 * k] = _mm_unpacklo_epi16(a[k], a[k + 4]);
            b[2 * k + 1] = _mm_unpackhi_epi16(a[k], a[k + 4]);
        }
        for (int k = 0; k < 8; k++) a[k] = b[k];
    }
    for (int k = 0; k < 8; k++) _mm_storeu_si128((__m128i *)(out + k * grid), a[k]);
}
#endif

static void one_column(const int16_t *in, ptrdiff_t columns, const int16_t *weight, ptrdiff_t taps, int16_t *out)
{
    int32_t sum = 2048;
    for (ptrdiff_t t = 0; t < taps; t++) sum += (int32_t)in[t * columns] * weight[t];
    *out = (int16_t)(sum >> 12);
}

void resample(const int16_t *in, ptrdiff_t columns, ptrdiff_t grid, const Filter *by, int16_t *room, int16_t *out)
{
    for (ptrdiff_t k = 0; k < grid; k += TOGETHER) {
        for (ptrdiff_t j = 0; j < TOGETHER; j++) {
            const int16_t *rows = in + by->start[k + j] * columns, *weight = by->weight + (k + j) * by->taps;
            int16_t *to = room + j * columns;
            ptrdiff_t x = 0;
#ifdef __SSE2__
            for (; x + 8 <= columns; x += 8) eight_columns(rows + x, columns, weight, by->taps, to + x);
#endif
            for (; x < columns; x++) one_column(rows + x, columns, weight, by->taps, to + x);
        }
        ptrdiff_t x = 0;
#ifdef __SSE2__
        for (; x + 8 <= columns; x += 8) eight_turned(room + x, columns, grid, out + x * grid + k);
#endif
        for (; x < columns; x++)
            for (ptrdiff_t j = 0; j < TOGETHER; j++) out[x * grid + k + j] = room[j * columns + x];
    }
}

double laplacian_variance(const int16_t *plane, ptrdiff_t side)
{
    int64_t sum = 0, squares = 0;
    for (ptrdiff_t y = 1; y + 1 < side; y++) {
        const int16_t *p = plane + y * side;
        ptrdiff_t x = 1;
#ifdef __SSE2__
        const __m128i zero = _mm_setzero_si128(), one = _mm_set1_epi16(1);
        __m128i some = zero, low = zero, high = zero;
        for (; x + 9 <= side; x += 8) {
            const __m128i beside = _mm_add_epi16(eight(p + x - 1), eight(p + x + 1));
            const __m128i around = _mm_add_epi16(beside, _mm_add_epi16(eight(p + x - side), eight(p + x + side)));
            const __m128i value = _mm_sub_epi16(_mm_slli_epi16(eight(p + x), 2), around);
            const __m128i square = _mm_madd_epi16(value, value);
            some = _mm_add_epi32(some, _mm_madd_epi16(value, one));
            low = _mm_add_epi64(low, _mm_unpacklo_epi32(square, zero));
            high = _mm_add_epi64(high, _mm_unpackhi_epi32(square, zero));
        }
        int32_t sums[4];
        int64_t products[2];
        _mm_storeu_si128((__m128i *)sums, some);
        _mm_storeu_si128((__m128i *)products, _mm_add_epi64(low, high));
        sum += (int64_t)sums[0] + sums[1] + sums[2] + sums[3], squares += products[0] + products[1];
#endif
        for (; x + 1 < side; x++) {
            const int32_t value = 4 * p[x] - p[x - 1] - p[x + 1] - p[x - side] - p[x + side];
            sum += value, squares += value * value;
        }
    }
    const int64_t n = (int64_t)((side - 2) * (side - 2));
    return (double)(n * squares - sum * sum);
}
