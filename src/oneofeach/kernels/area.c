/* Exact area sums of a box of an image over a grid of cells: integers from uint8 pixels, any strides.
 * Twin: area.py. Cell edges come in 1/256 pixel, so every overlap is a whole number and no order of addition matters. */
#include "kernels.h"
#include "dispatch.h"
#include "description.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const uint8_t *data;
    int64_t width, stride_y, stride_x;
} Plane;

FOR_EVERY_CPU
static void add_row(const Plane *plane, int64_t row, int64_t count, uint32_t weight, uint32_t *sums)
{
    const uint8_t *pixels = plane->data + row * plane->stride_y;
    const int64_t step = plane->stride_x;
    if (step == 1)
        for (int64_t x = 0; x < count; x++) sums[x] += weight * pixels[x];
    else
        for (int64_t x = 0; x < count; x++) sums[x] += weight * pixels[x * step];
}

/* Whole rows in a line: bytes add up in 16 bits, which is twice as fast, four rows at a time, and carry over every 256
 * rows. */
FOR_EVERY_CPU
static void add_whole_rows(const Plane *plane, int64_t row, int64_t end, int64_t count, uint16_t *restrict carry,
                           uint32_t *restrict sums)
{
    const int64_t down = plane->stride_y;
    while (row < end) {
        int64_t stop = end - row > 256 ? row + 256 : end;
        memset(carry, 0, (size_t)count * sizeof *carry);
        for (; row + 4 <= stop; row += 4) {
            const uint8_t *a = plane->data + row * down, *b = a + down, *c = b + down, *d = c + down;
            for (int64_t x = 0; x < count; x++) carry[x] = (uint16_t)(carry[x] + a[x] + b[x] + c[x] + d[x]);
        }
        for (; row < stop; row++) {
            const uint8_t *pixels = plane->data + row * down;
            for (int64_t x = 0; x < count; x++) carry[x] = (uint16_t)(carry[x] + pixels[x]);
        }
        for (int64_t x = 0; x < count; x++) sums[x] += 256u * carry[x];
    }
}

/* The rows of one cell row, weighted by their overlap, summed column by column. */
static void add_rows(const Plane *plane, int64_t from, int64_t to, int64_t count, uint16_t *carry, uint32_t *sums)
{
    int64_t first = from >> 8, last = (to - 1) >> 8;
    memset(sums, 0, (size_t)count * sizeof *sums);
    if (first == last) {
        add_row(plane, first, count, (uint32_t)(to - from), sums);
        return;
    }
    add_row(plane, first, count, (uint32_t)(256 - (from & 255)), sums);
    if (plane->stride_x == 1)
        add_whole_rows(plane, first + 1, last, count, carry, sums);
    else
        for (int64_t row = first + 1; row < last; row++) add_row(plane, row, count, 256, sums);
    add_row(plane, last, count, (uint32_t)(to - (last << 8)), sums);
}

/* One cell of a row of column sums; `step` channels (1 or 3) lie beside each other. */
INLINED void across(const uint32_t *sums, int64_t from, int64_t to, int64_t step, int64_t *out)
{
    const int64_t first = from >> 8, last = (to - 1) >> 8;
    const uint32_t *begin = sums + first * step, *end = sums + last * step;
    const int64_t begins = first == last ? to - from : 256 - (from & 255), ends = first == last ? 0 : to - (last << 8);
    uint64_t inner[3] = {0};
    for (const uint32_t *x = begin + step; x < end; x += step)
        for (int64_t c = 0; c < step; c++) inner[c] += x[c];
    for (int64_t c = 0; c < step; c++) out[c] = 256 * (int64_t)inner[c] + begins * begin[c] + ends * end[c];
}

/* A row of cells. */
static void across_all(const uint32_t *sums, const int64_t *edges, int64_t side, int64_t step, int64_t stride,
                       int64_t *out)
{
    for (int64_t i = 0; i < side; i++, out += stride)
        if (step == 1)
            across(sums, edges[i], edges[i + 1], 1, out);
        else
            across(sums, edges[i], edges[i + 1], 3, out);
}

void area_edges(double start, double stop, int64_t side, int64_t length, int64_t *edges)
{
    const double step = (stop - start) / (double)side;
    for (int64_t k = 0; k <= side; k++) {
        const int64_t edge = (int64_t)floor((start + (double)k * step) * 256.0 + 0.5);
        edges[k] = edge < length * 256 ? edge : length * 256;
    }
}

/* Channels that lie beside each other are summed together, others one by one. */
int area_cells(const Pixels *pixels, const int64_t *edges_x, const int64_t *edges_y, int64_t side, int64_t *out)
{
    const int64_t channels = pixels->channels;
    Plane plane = {pixels->data, pixels->width, pixels->stride_y, pixels->stride_x};
    int together = channels == 1 || (pixels->stride_c == 1 && plane.stride_x == channels);
    int64_t count = together ? plane.width * channels : plane.width, step = together ? channels : 1;
    uint32_t *sums = malloc((size_t)count * sizeof *sums);
    uint16_t *carry = malloc((size_t)count * sizeof *carry);
    int done = sums != NULL && carry != NULL;
    memset(out, 0, (size_t)(side * side * channels) * sizeof *out);
    if (together && channels > 1) plane.stride_x = 1;
    for (int64_t pass = 0; done && pass < channels / step; pass++, plane.data += pixels->stride_c)
        for (int64_t j = 0; j < side; j++) {
            if (edges_y[j] == edges_y[j + 1]) continue; /* a strip of a picture has cells without rows */
            add_rows(&plane, edges_y[j], edges_y[j + 1], count, carry, sums);
            across_all(sums, edges_x, side, step, channels, out + j * side * channels + pass);
        }
    free(sums);
    free(carry);
    return done;
}

static PyObject *area_sums(PyObject *self, PyObject *args)
{
    Py_ssize_t data, width, channels, stride_y, stride_x, stride_c, edges_x, edges_y, side, out;
    int done;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnnnnnnnnn", &data, &width, &channels, &stride_y, &stride_x, &stride_c, &edges_x,
                          &edges_y, &side, &out))
        return NULL;
    const Pixels pixels = {(const uint8_t *)data, 0, width, channels, stride_y, stride_x, stride_c, 0.0, 0.0};
    Py_BEGIN_ALLOW_THREADS
    done = area_cells(&pixels, (const int64_t *)edges_x, (const int64_t *)edges_y, side, (int64_t *)out);
    Py_END_ALLOW_THREADS
    if (!done) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

PyMethodDef area_methods[] = {{"area_sums", area_sums, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
