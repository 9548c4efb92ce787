/* Undoes the line filters of PNG (ISO/IEC 15948, chapter 9) for samples of 8 bits, in place: every pixel moves towards the
 * beginning, by as many bytes as there are filters before it. There is no twin: without it, Pillow decodes. */
#include "kernels.h"
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

static inline __m128i widened(const uint8_t *pixel, size_t size)
{
    int32_t value = 0;
    memcpy(&value, pixel, size);
    return _mm_unpacklo_epi8(_mm_cvtsi32_si128(value), _mm_setzero_si128());
}

static inline __m128i magnitude(__m128i x) { return _mm_max_epi16(x, _mm_sub_epi16(_mm_setzero_si128(), x)); }

typedef struct {
    __m128i left, corner;
} Pixel;

/* Filter 4 on all channels of a pixel at once; wide: bytes to load and store. */
static inline void paeth_step(Pixel *at, const uint8_t *in, const uint8_t *above, size_t wide, uint8_t *out)
{
    const __m128i up = widened(above, wide);
    const __m128i rise = _mm_sub_epi16(up, at->corner), run = _mm_sub_epi16(at->left, at->corner);
    const __m128i to_left = magnitude(rise), to_above = magnitude(run), to_corner = magnitude(_mm_add_epi16(rise, run));
    const __m128i least = _mm_min_epi16(to_corner, _mm_min_epi16(to_left, to_above));
    const __m128i is_left = _mm_cmpeq_epi16(least, to_left), is_above = _mm_cmpeq_epi16(least, to_above);
    const __m128i other = _mm_or_si128(_mm_and_si128(is_above, up), _mm_andnot_si128(is_above, at->corner));
    const __m128i nearest = _mm_or_si128(_mm_and_si128(is_left, at->left), _mm_andnot_si128(is_left, other));
    const __m128i sum = _mm_add_epi16(widened(in, wide), nearest);
    at->left = _mm_and_si128(sum, _mm_set1_epi16(255)), at->corner = up;
    const int32_t value = _mm_cvtsi128_si32(_mm_packus_epi16(at->left, at->left));
    memcpy(out, &value, wide);
}

static inline void paeth_row(const uint8_t *in, const uint8_t *above, size_t count, size_t size, uint8_t *out)
{
    Pixel at = {_mm_setzero_si128(), _mm_setzero_si128()};
    const size_t last = (count - 1) * size;
    for (size_t x = 0; x < last; x += size) /* moving four bytes is fast, but must not leave the row */
        paeth_step(&at, in + x, above + x, size > 1 ? 4 : 1, out + x);
    paeth_step(&at, in + last, above + last, size, out + last);
}
#else
/* The neighbor nearest to left + above - corner; the first of them when several are. */
static inline int paeth(int left, int above, int corner)
{
    const int to_left = abs(above - corner), to_above = abs(left - corner), to_corner = abs(left + above - 2 * corner);
    const int nearest = to_above < to_left ? above : left;
    return to_corner < (to_above < to_left ? to_above : to_left) ? corner : nearest;
}

static inline void paeth_row(const uint8_t *in, const uint8_t *above, size_t count, size_t size, uint8_t *out)
{
    for (size_t x = 0; x < count * size; x++) {
        const int left = x < size ? 0 : out[x - size], corner = x < size ? 0 : above[x - size];
        out[x] = (uint8_t)(in[x] + paeth(left, above[x], corner));
    }
}
#endif

/* Filter 2, sixteen bytes at a time: they are read before any is written, however near to each other in and out are. */
static inline void up_row(const uint8_t *in, const uint8_t *above, size_t bytes, uint8_t *out)
{
    size_t x = 0;
    for (; x + 16 <= bytes; x += 16) {
        uint8_t sums[16];
        for (int k = 0; k < 16; k++) sums[k] = (uint8_t)(in[x + (size_t)k] + above[x + (size_t)k]);
        memcpy(out + x, sums, 16);
    }
    for (; x < bytes; x++) out[x] = (uint8_t)(in[x] + above[x]);
}

/* One row of `count` pixels of `size` bytes; above: the row before it, zeros before the first. 0: no such filter. */
static inline int row_of(int filter, const uint8_t *in, const uint8_t *above, size_t count, size_t size, uint8_t *out)
{
    const size_t bytes = count * size;
    uint8_t left[4] = {0, 0, 0, 0};
    switch (filter) {
    case 0:
        memmove(out, in, bytes);
        return 1;
    case 1:
        for (size_t x = 0; x < bytes; x += size)
            for (size_t c = 0; c < size; c++) out[x + c] = left[c] = (uint8_t)(in[x + c] + left[c]);
        return 1;
    case 2:
        up_row(in, above, bytes, out);
        return 1;
    case 3:
        for (size_t x = 0; x < bytes; x += size)
            for (size_t c = 0; c < size; c++)
                out[x + c] = left[c] = (uint8_t)(in[x + c] + ((left[c] + above[x + c]) >> 1));
        return 1;
    case 4:
        paeth_row(in, above, count, size, out);
        return 1;
    }
    return 0;
}

static int unfilter(uint8_t *lines, const uint8_t *zeros, size_t rows, size_t columns, size_t size)
{
    const size_t bytes = columns * size;
    const uint8_t *above = zeros, *in = lines;
    uint8_t *out = lines;
    int good = 1;
    for (size_t y = 0; y < rows && good; y++, in += bytes + 1, above = out, out += bytes)
        switch (size) { /* the compiler makes a fast loop of each */
        case 1: good = row_of(in[0], in + 1, above, columns, 1, out); break;
        case 3: good = row_of(in[0], in + 1, above, columns, 3, out); break;
        default: good = row_of(in[0], in + 1, above, columns, 4, out); break;
        }
    return good;
}

/* png_unfilter(lines, rows, columns, size): size is 1, 3 or 4 bytes per pixel; of rows * (1 + columns * size) bytes the
 * first rows * columns * size become pixels. False when a row names no filter there is. */
static PyObject *png_unfilter(PyObject *self, PyObject *args)
{
    Py_ssize_t lines, rows, columns, size;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnnn", &lines, &rows, &columns, &size)) return NULL;
    uint8_t *zeros = calloc((size_t)(columns * size), 1);
    if (!zeros) return PyErr_NoMemory();
    int good;
    Py_BEGIN_ALLOW_THREADS
    good = unfilter((uint8_t *)lines, zeros, (size_t)rows, (size_t)columns, (size_t)size);
    Py_END_ALLOW_THREADS
    free(zeros);
    return PyBool_FromLong(good);
}

PyMethodDef png_methods[] = {{"png_unfilter", png_unfilter, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
