/* Undoes the line filters of PNG (ISO/IEC 15948, chapter 9) for samples of 8 bits. There is no twin: without it, Pillow
 * decodes. */
#include "kernels.h"
#include <stdlib.h>
#include <string.h>

/* The neighbor nearest to left + above - corner; the first of them when several are. */
static inline int paeth(int left, int above, int corner)
{
    const int to_left = abs(above - corner), to_above = abs(left - corner), to_corner = abs(left + above - 2 * corner);
    const int nearest = to_above < to_left ? above : left;
    return to_corner < (to_above < to_left ? to_above : to_left) ? corner : nearest;
}

/* One row of `count` pixels of `size` bytes; above: the row before it, zeros before the first. 0: no such filter. */
static inline int row_of(int filter, const uint8_t *in, const uint8_t *above, size_t count, size_t size, uint8_t *out)
{
    const size_t bytes = count * size;
    uint8_t left[4] = {0, 0, 0, 0}, corner[4] = {0, 0, 0, 0};
    switch (filter) {
    case 0:
        memcpy(out, in, bytes);
        return 1;
    case 1:
        for (size_t x = 0; x < bytes; x += size)
            for (size_t c = 0; c < size; c++) out[x + c] = left[c] = (uint8_t)(in[x + c] + left[c]);
        return 1;
    case 2:
        for (size_t x = 0; x < bytes; x++) out[x] = (uint8_t)(in[x] + above[x]);
        return 1;
    case 3:
        for (size_t x = 0; x < bytes; x += size)
            for (size_t c = 0; c < size; c++)
                out[x + c] = left[c] = (uint8_t)(in[x + c] + ((left[c] + above[x + c]) >> 1));
        return 1;
    case 4:
        for (size_t x = 0; x < bytes; x += size)
            for (size_t c = 0; c < size; c++) {
                const uint8_t up = above[x + c];
                out[x + c] = left[c] = (uint8_t)(in[x + c] + paeth(left[c], up, corner[c]));
                corner[c] = up;
            }
        return 1;
    }
    return 0;
}

static int unfilter(const uint8_t *in, const uint8_t *zeros, size_t rows, size_t columns, size_t size, uint8_t *out)
{
    const size_t bytes = columns * size;
    const uint8_t *above = zeros;
    int good = 1;
    for (size_t y = 0; y < rows && good; y++, in += bytes + 1, above = out, out += bytes)
        switch (size) { /* the compiler makes a fast loop of each */
        case 1: good = row_of(in[0], in + 1, above, columns, 1, out); break;
        case 3: good = row_of(in[0], in + 1, above, columns, 3, out); break;
        default: good = row_of(in[0], in + 1, above, columns, 4, out); break;
        }
    return good;
}

/* png_unfilter(inflated, rows, columns, size, out): size is 1, 3 or 4 bytes per pixel, inflated rows * (1 + columns *
 * size) bytes, out rows * columns * size. False when a row names no filter there is. */
static PyObject *png_unfilter(PyObject *self, PyObject *args)
{
    Py_ssize_t in, rows, columns, size, out;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnnnn", &in, &rows, &columns, &size, &out)) return NULL;
    uint8_t *zeros = calloc((size_t)(columns * size), 1);
    if (!zeros) return PyErr_NoMemory();
    int good;
    Py_BEGIN_ALLOW_THREADS
    good = unfilter((const uint8_t *)in, zeros, (size_t)rows, (size_t)columns, (size_t)size, (uint8_t *)out);
    Py_END_ALLOW_THREADS
    free(zeros);
    return PyBool_FromLong(good);
}

PyMethodDef png_methods[] = {{"png_unfilter", png_unfilter, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
