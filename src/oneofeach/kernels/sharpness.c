/* uint8 pixels of any strides → sharpness: luma on a grid, the variance of its Laplacian.
 * Twin: sharpness.py. All arithmetic is on integers, so both give equal results. */
#include "kernels.h"
#include "description.h"
#include "dispatch.h"
#include "resample.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Channels of one row; those of a pixel lie beside each other, or each has a row of its own. */
typedef struct {
    int tight;
    Py_ssize_t columns, channels;
} Layout;

/* Two rows at a time; the first one or two begin the sums. */
INLINED void add_lines(const uint8_t *restrict at, Py_ssize_t stride_y, Py_ssize_t rows, Py_ssize_t step,
                       Py_ssize_t count, uint16_t *restrict sum)
{
    Py_ssize_t y = rows % 2 ? 1 : 2;
    for (Py_ssize_t i = 0; y == 1 && i < count; i++) sum[i] = at[i * step];
    for (Py_ssize_t i = 0; y == 2 && i < count; i++) sum[i] = (uint16_t)(at[i * step] + at[stride_y + i * step]);
    for (; y < rows; y += 2) {
        const uint8_t *a = at + y * stride_y, *b = a + stride_y;
        for (Py_ssize_t i = 0; i < count; i++) sum[i] = (uint16_t)(sum[i] + a[i * step] + b[i * step]);
    }
}

/* Sums of the columns of up to 200 rows. */
FOR_EVERY_CPU
static void add_rows(const Pixels *p, const Layout *layout, Py_ssize_t first, Py_ssize_t rows, uint16_t *sum)
{
    const uint8_t *at = p->data + first * p->stride_y;
    if (layout->tight)
        add_lines(at, p->stride_y, rows, 1, layout->columns * layout->channels, sum);
    else
        for (Py_ssize_t c = 0; c < layout->channels; c++)
            add_lines(at + c * p->stride_c, p->stride_y, rows, p->stride_x, layout->columns, sum + c * layout->columns);
}

/* 256 times the luma of sums of channels; luma is linear, so it may be taken of sums. */
FOR_EVERY_CPU
static void luma(const uint16_t *restrict sum, const Layout *layout, uint32_t *restrict out)
{
    const Py_ssize_t count = layout->columns;
    const uint16_t *green = sum + count, *blue = green + count;
    if (layout->channels == 1)
        for (Py_ssize_t i = 0; i < count; i++) out[i] = 256u * sum[i];
    else if (layout->tight)
        for (Py_ssize_t i = 0; i < count; i++) out[i] = 77u * sum[3 * i] + 150u * sum[3 * i + 1] + 29u * sum[3 * i + 2];
    else
        for (Py_ssize_t i = 0; i < count; i++) out[i] = 77u * sum[i] + 150u * green[i] + 29u * blue[i];
}

/* Sums of `step` values beside each other; known steps let the compiler use vectors. */
FOR_EVERY_CPU
static void gather(const uint32_t *restrict line, Py_ssize_t columns, Py_ssize_t step, uint32_t *restrict out)
{
    if (step == 1)
        memcpy(out, line, (size_t)columns * sizeof *out);
    else if (step == 2)
        for (Py_ssize_t i = 0; i < columns; i++) out[i] = line[2 * i] + line[2 * i + 1];
    else
        for (Py_ssize_t i = 0; i < columns; i++, line += step) {
            out[i] = 0;
            for (Py_ssize_t x = 0; x < step; x++) out[i] += line[x];
        }
}

/* Mean luma in 1/16 of cells of step_x x step_y pixels; what is left over at the far edges counts for nothing.
 * line, sum: room for two rows and one of the picture. */
FOR_EVERY_CPU
static void shrink(const Pixels *p, Py_ssize_t step_x, Py_ssize_t step_y, Py_ssize_t columns, Py_ssize_t rows,
                   uint32_t *line, uint16_t *sum, int16_t *restrict out)
{
    const int tight = p->stride_x == p->channels && (p->channels == 1 || p->stride_c == 1);
    const Layout layout = {tight, columns * step_x, p->channels};
    uint32_t *restrict cells = line + layout.columns;
    const uint32_t area = (uint32_t)(step_x * step_y), share = (uint32_t)(((uint64_t)1 << 32) / area);
    int shift = 4;
    while (area >> (shift - 4) > 1) shift++;
    for (Py_ssize_t j = 0; j < rows; j++, out += columns) {
        add_rows(p, &layout, j * step_y, step_y, sum);
        luma(sum, &layout, line);
        gather(line, columns, step_x, cells);
        if (area & (area - 1))
            for (Py_ssize_t i = 0; i < columns; i++) out[i] = (int16_t)((uint64_t)cells[i] * share >> 36);
        else /* the same for powers of two, faster */
            for (Py_ssize_t i = 0; i < columns; i++) out[i] = (int16_t)(cells[i] >> shift);
    }
}

void sharpness_side(double extent, int64_t length, Side *side)
{
    if (side->extent == extent && side->whole == length) return;
    *side = (Side){.extent = extent, .whole = length, .step = (int64_t)extent / (2 * POINTS)};
    side->step = side->step < 1 ? 1 : side->step > 200 ? 200 : side->step;
    side->length = length / side->step;
    const double scale = extent / (double)side->step / POINTS, width = scale > 1.0 ? scale : 1.0;
    const int64_t most = (int64_t)ceil(2 * width), taps = side->taps = most < side->length ? most : side->length;
    for (int64_t k = 0; k < POINTS; k++) {
        const double center = ((double)k + 0.5) * scale, first = floor(center - width + 0.5);
        const int64_t last = side->length - taps, start = first < 0 ? 0 : first > (double)last ? last : (int64_t)first;
        double weight[MOST_TAPS], nearest = INFINITY, sum = 0.0;
        int64_t near = 0, largest = 0, left = 4096;
        for (int64_t t = 0; t < taps; t++) {
            const double away = fabs((double)(start + t) + 0.5 - center) / width;
            if (away < nearest) nearest = away, near = t;
            weight[t] = away < 1.0 ? 1.0 - away : 0.0;
        }
        weight[near] += 1e-9; /* beyond the last pixel */
        for (int64_t t = 0; t < taps; t++) sum += weight[t];
        int16_t *out = side->weight + k * taps;
        for (int64_t t = 0; t < taps; t++) {
            out[t] = (int16_t)rint(weight[t] / sum * 4096.0);
            left -= out[t];
            if (out[t] > out[largest]) largest = t;
        }
        out[largest] = (int16_t)(out[largest] + left);
        side->start[k] = (int32_t)start;
    }
}

double sharpness_of(const Pixels *p, const Side *across, const Side *down)
{
    const size_t width = (size_t)(across->length * across->step), columns = (size_t)across->length;
    const size_t longest = columns > POINTS ? columns : POINTS, small = columns * (size_t)down->length;
    uint32_t *line = malloc(2 * width * sizeof *line);
    uint16_t *sum = malloc(width * (size_t)p->channels * sizeof *sum);
    int16_t *plane = malloc((small + columns * POINTS + POINTS * POINTS + longest * TOGETHER) * sizeof *plane);
    double result = -1.0;
    if (line && sum && plane) {
        int16_t *half = plane + small, *square = half + columns * POINTS, *room = square + POINTS * POINTS;
        const Filter rows = {down->taps, down->start, down->weight}, lines = {across->taps, across->start, across->weight};
        shrink(p, across->step, down->step, across->length, down->length, line, sum, plane);
        resample(plane, across->length, POINTS, &rows, room, half);
        resample(half, POINTS, POINTS, &lines, room, square);
        const double points = (POINTS - 2) * (POINTS - 2);
        result = laplacian_variance(square, POINTS) / (points * points * 256.0); /* the planes are in 1/16 */
    }
    free(line), free(sum), free(plane);
    return result;
}

/* shrunk(pixels, channels, strides y x c, step x y, columns, rows, out): `shrink`. */
static PyObject *py_shrunk(PyObject *self, PyObject *args)
{
    Pixels p = {0};
    Py_ssize_t data, channels, stride_y, stride_x, stride_c, step_x, step_y, columns, rows;
    int16_t *out;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnnnnnnnnn", &data, &channels, &stride_y, &stride_x, &stride_c, &step_x, &step_y, &columns,
                          &rows, &out))
        return NULL;
    p.data = (const uint8_t *)data, p.channels = channels;
    p.stride_y = stride_y, p.stride_x = stride_x, p.stride_c = stride_c;
    const size_t width = (size_t)(columns * step_x);
    uint32_t *line = malloc(2 * width * sizeof *line);
    uint16_t *sum = malloc(width * (size_t)p.channels * sizeof *sum);
    const int ready = line && sum;
    if (ready) {
        Py_BEGIN_ALLOW_THREADS
        shrink(&p, step_x, step_y, columns, rows, line, sum, out);
        Py_END_ALLOW_THREADS
    }
    free(line), free(sum);
    if (!ready) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

/* sharpness(small, rows, columns, grid, across, down) -> float, with a filter as taps, start, weight; small: int16[rows,
 * columns]; see sharpness.py. */
static PyObject *py_sharpness(PyObject *self, PyObject *args)
{
    const int16_t *small;
    Filter across, down;
    Py_ssize_t rows, columns, grid;
    double value = 0.0;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnnnnnnnnn", &small, &rows, &columns, &grid, &across.taps, &across.start, &across.weight,
                          &down.taps, &down.start, &down.weight))
        return NULL;
    const size_t n = (size_t)grid, width = (size_t)columns, longest = width > n ? width : n;
    int16_t *half = malloc(width * n * 2), *plane = malloc(n * n * 2), *room = malloc(longest * TOGETHER * 2);
    const int ready = half && plane && room;
    if (ready) {
        Py_BEGIN_ALLOW_THREADS
        resample(small, columns, grid, &down, room, half);
        resample(half, grid, grid, &across, room, plane);
        value = laplacian_variance(plane, grid);
        Py_END_ALLOW_THREADS
    }
    free(half), free(plane), free(room);
    return ready ? PyFloat_FromDouble(value) : PyErr_NoMemory();
}

PyMethodDef sharpness_methods[] = {{"shrunk", py_shrunk, METH_VARARGS, NULL},
                                   {"sharpness", py_sharpness, METH_VARARGS, NULL},
                                   {NULL, NULL, 0, NULL}};
