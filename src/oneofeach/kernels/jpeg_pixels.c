/* DCT coefficients → pixels, planes → RGB. The inverse DCT (ITU-T T.81, A.3.3) followed by means of 2 x 2 or 4 x 4 pixels
 * is again two products with small matrices. */
#include "dispatch.h"
#include "four.h"
#include "jpeg.h"
#include <stdlib.h>

/* Of the upper half of the pixels; the lower one mirrors it. [pixel][frequencies 0 2 4 6, then 1 3 5 7] */
static const float EIGHT[4][8] = {
    {0.353553391f, 0.461939766f, 0.353553391f, 0.191341716f, 0.49039264f, 0.415734806f, 0.277785117f, 0.097545161f},
    {0.353553391f, 0.191341716f, -0.353553391f, -0.461939766f, 0.415734806f, -0.097545161f, -0.49039264f, -0.277785117f},
    {0.353553391f, -0.191341716f, -0.353553391f, 0.461939766f, 0.277785117f, -0.49039264f, 0.097545161f, 0.415734806f},
    {0.353553391f, -0.461939766f, 0.353553391f, -0.191341716f, 0.097545161f, -0.277785117f, 0.415734806f, -0.49039264f},
};
static const float FOUR[2][8] = {
    {0.353553391f, 0.326640741f, 0.0f, -0.135299025f, 0.453063723f, 0.159094823f, -0.106303762f, -0.0901199778f},
    {0.353553391f, -0.326640741f, 0.0f, 0.135299025f, 0.187665139f, -0.384088878f, 0.256639984f, -0.0373289170f},
};
static const float TWO[1][8] = {
    {0.353553391f, 0.0f, 0.0f, 0.0f, 0.320364431f, -0.112497028f, 0.0751681109f, -0.0637244474f},
};

/* sum + value * factor. The sign is taken out of the factor, because most products are needed with both. */
INLINED Four added(Four sum, Four value, float factor)
{
    return factor < 0.0f ? four_minus(sum, four_times(value, -factor)) : four_plus(sum, four_times(value, factor));
}

/* The first `some` (4 or 8) of eight rows of frequencies, of which the others are 0 → `side` rows of pixels. */
INLINED void product(const float (*matrix)[8], unsigned side, unsigned some, const Four *in, Four *out)
{
    UNROLLED
    for (unsigned n = 0; n < side / 2; n++) {
        const float *m = matrix[n];
        Four even = added(four_times(in[0], m[0]), in[2], m[1]), odd = added(four_times(in[1], m[4]), in[3], m[5]);
        if (some == 8) {
            even = m[2] == 0.0f ? added(even, in[6], m[3]) : four_plus(even, added(four_times(in[4], m[2]), in[6], m[3]));
            odd = four_plus(odd, added(four_times(in[5], m[6]), in[7], m[7]));
        }
        out[n] = four_plus(even, odd);
        out[side - 1 - n] = four_minus(even, odd);
    }
}

/* The same for the first `some` columns of values times their steps, of which the others are 0. */
INLINED void columns(const float (*matrix)[8], unsigned side, unsigned some, const int16_t *values,
                     const float *steps, float (*out)[8])
{
    for (unsigned x = 0; x < some; x++) {
        float in[8];
        UNROLLED
        for (unsigned k = 0; k < some; k++) in[k] = (float)values[8 * k + x] * steps[8 * k + x];
        UNROLLED
        for (unsigned n = 0; n < side / 2; n++) {
            const float *m = matrix[n];
            float even = in[0] * m[0] + in[2] * m[1], odd = in[1] * m[4] + in[3] * m[5];
            if (some == 8) {
                even = m[2] == 0.0f ? even + in[6] * m[3] : even + (in[4] * m[2] + in[6] * m[3]);
                odd = odd + (in[5] * m[6] + in[7] * m[7]);
            }
            out[n][x] = even + odd;
            out[side - 1 - n][x] = even - odd;
        }
    }
}

INLINED void rebuilt(const float (*matrix)[8], unsigned side, unsigned some, const int16_t *values, const float *steps,
                     uint8_t *out, size_t stride)
{
    float across[8][8];
    Four turned[8], rows[8];
    columns(matrix, side, some, values, steps, across);
    for (unsigned group = 0; group < side; group += 4) {
        for (unsigned half = 0; half < some; half += 4) {
            for (unsigned k = 0; k < 4; k++) turned[half + k] = four_at(across[side < 4 ? k % side : group + k] + half);
            four_turned(turned + half);
        }
        product(matrix, side, some, turned, rows);
        const float middle[4] = {128.5f, 128.5f, 128.5f, 128.5f};
        for (unsigned y = 0; y < side; y++) rows[y] = four_plus(rows[y], four_at(middle));
        if (side < 4)
            for (unsigned y = 0; y < side; y++) four_bytes(rows[y], out + y * stride, side);
        else
            for (unsigned y = 0; y < side; y += 4) four_rows(rows + y, out + y * stride + group, stride);
    }
}

/* A block of which only the mean is there. */
static void same(float mean, unsigned side, uint8_t *out, size_t stride)
{
    const float value = mean + 128.5f;
    const uint8_t level = (uint8_t)(int)(value > 0.0f ? value < 255.0f ? value : 255.0f : 0.0f);
    for (unsigned y = 0; y < side; y++)
        for (unsigned x = 0; x < side; x++) out[y * stride + x] = level;
}

FOR_EVERY_CPU
void jpeg_block(const int16_t *values, const float *steps, unsigned count, unsigned side, uint8_t *out, size_t stride)
{
    if (count == 1) {
        same(values[0] * steps[0] * EIGHT[0][0] * EIGHT[0][0], side, out, stride);
        return;
    }
    const int few = count <= 10; /* all in the first four rows and columns; the compiler makes a fast loop of each case */
    switch (few ? -(int)side : (int)side) {
    case -2: rebuilt(TWO, 2, 4, values, steps, out, stride); break;
    case 2: rebuilt(TWO, 2, 8, values, steps, out, stride); break;
    case -4: rebuilt(FOUR, 4, 4, values, steps, out, stride); break;
    case 4: rebuilt(FOUR, 4, 8, values, steps, out, stride); break;
    case -8: rebuilt(EIGHT, 8, 4, values, steps, out, stride); break;
    default: rebuilt(EIGHT, 8, 8, values, steps, out, stride); break;
    }
}

/* What `count` color differences add to red, green and blue (ITU-T T.871): int16[3][count]. */
FOR_EVERY_CPU
static void differences(const uint8_t *cb, const uint8_t *cr, size_t count, int16_t *add)
{
    for (size_t x = 0; x < count; x++) {
        const int b = cb[x] - 128, r = cr[x] - 128;
        add[x] = (int16_t)((91881 * r + 32768) >> 16);
        add[count + x] = (int16_t)((-22554 * b - 46802 * r + 32768) >> 16);
        add[2 * count + x] = (int16_t)((116130 * b + 32768) >> 16);
    }
}

/* Luma plus what each `step` pixels have in common. */
static inline void sum(const uint8_t *luma, const int16_t *add, size_t step, size_t count, uint8_t *out)
{
    size_t x = 0;
#ifdef __SSE2__
    for (; step <= 2 && x + 16 <= count; x += 16) {
        const __m128i zero = _mm_setzero_si128(), bytes = _mm_loadu_si128((const __m128i *)(luma + x));
        const __m128i low = _mm_loadu_si128((const __m128i *)(add + x / step));
        const __m128i high = step == 2 ? _mm_unpackhi_epi16(low, low) : _mm_loadu_si128((const __m128i *)(add + x + 8));
        const __m128i lower = _mm_add_epi16(_mm_unpacklo_epi8(bytes, zero), step == 2 ? _mm_unpacklo_epi16(low, low) : low);
        const __m128i upper = _mm_add_epi16(_mm_unpackhi_epi8(bytes, zero), high);
        _mm_storeu_si128((__m128i *)(out + x), _mm_packus_epi16(lower, upper));
    }
#endif
    for (; x < count; x++) {
        const int value = luma[x] + add[x / step];
        out[x] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

int jpeg_colors(const Jpeg *jpeg, size_t height, size_t width, uint8_t *out)
{
    const Component *luma = jpeg->component;
    const size_t each = luma[1].stride;
    int16_t *add = malloc(3 * each * sizeof *add);
    if (!add) return 0;
    for (size_t y = 0; y < height; y++) {
        const size_t row = y / jpeg->v * each;
        if (y % jpeg->v == 0) differences(luma[1].plane + row, luma[2].plane + row, each, add);
        for (size_t c = 0; c < 3; c++) {
            const uint8_t *from = luma->plane + y * luma->stride;
            uint8_t *to = out + (c * height + y) * width;
            switch (jpeg->h) { /* the compiler makes a fast loop of each */
            case 1: sum(from, add + c * each, 1, width, to); break;
            case 2: sum(from, add + c * each, 2, width, to); break;
            default: sum(from, add + c * each, 4, width, to); break;
            }
        }
    }
    free(add);
    return 1;
}
