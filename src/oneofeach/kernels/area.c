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

/* Whole rows in a line: bytes add up in 16 bits, which is twice as fast, and carry over every 256 rows. */
FOR_EVERY_CPU
static void add_whole_rows(const Plane *plane, int64_t row, int64_t end, int64_t count, uint16_t *carry, uint32_t *sums)
{
    while (row < end) {
        int64_t stop = end - row > 256 ? row + 256 : end;
        memset(carry, 0, (size_t)count * sizeof *carry);
        for (; row < stop; row++) {
            const uint8_t *pixels = plane->data + row * plane->stride_y;
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

/* One cell of a row of column sums; `step` channels lie beside each other. */
static int64_t across(const uint32_t *sums, int64_t from, int64_t to, int64_t step)
{
    int64_t first = from >> 8, last = (to - 1) >> 8, inner = 0;
    if (first == last) return (to - from) * sums[first * step];
    for (int64_t x = first + 1; x < last; x++) inner += sums[x * step];
    return 256 * inner + (256 - (from & 255)) * sums[first * step] + (to - (last << 8)) * sums[last * step];
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
            for (int64_t i = 0; i < side; i++)
                for (int64_t c = 0; c < step; c++)
                    out[(j * side + i) * channels + pass + c] = across(sums + c, edges_x[i], edges_x[i + 1], step);
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
