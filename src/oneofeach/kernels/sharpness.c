/* Facts about uint8 or float32 pixels of any strides: sharpness (luma on a grid → variance of its Laplacian), color.
 * Twin: sharpness.py. All arithmetic is on integers, so both give equal results. */
#include "kernels.h"
#include "level.h"
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define FOR_EVERY_CPU __attribute__((target_clones("avx2", "default"))) /* chosen when the module is loaded */
#else
#define FOR_EVERY_CPU
#endif

typedef struct {
    const char *data;
    int is_float;
    float scale;
    Py_ssize_t channels, stride_y, stride_x, stride_c;
} Pixels;

static inline uint32_t luma(uint32_t red, uint32_t green, uint32_t blue)
{
    return 77 * red + 150 * green + 29 * blue;
}

/* 256 times the luma of tight RGB pixels: what most decoders give. */
FOR_EVERY_CPU
static void tight_luma(const uint8_t *at, Py_ssize_t count, uint32_t *out)
{
    for (Py_ssize_t i = 0; i < count; i++) out[i] = luma(at[3 * i], at[3 * i + 1], at[3 * i + 2]);
}

/* 256 times the luma of the first pixels of a row. */
static void row_luma(const Pixels *p, Py_ssize_t y, Py_ssize_t count, uint32_t *out)
{
    const char *at = p->data + y * p->stride_y;
    const Py_ssize_t green = p->channels == 1 ? 0 : p->stride_c, blue = 2 * green;
    if (!p->is_float && p->stride_x == 3 && green == 1)
        tight_luma((const uint8_t *)at, count, out);
    else if (!p->is_float)
        for (Py_ssize_t i = 0; i < count; i++, at += p->stride_x)
            out[i] = luma(*(const uint8_t *)at, *(const uint8_t *)(at + green), *(const uint8_t *)(at + blue));
    else
        for (Py_ssize_t i = 0; i < count; i++, at += p->stride_x)
            out[i] = luma(level(*(const float *)at, p->scale), level(*(const float *)(at + green), p->scale),
                          level(*(const float *)(at + blue), p->scale));
}

/* Mean luma in 1/16 of cells of step_x x step_y pixels; what is left over at the far edges counts for nothing.
 * line: room for one row of the picture, and one of cells. */
static void shrink(const Pixels *p, Py_ssize_t step_x, Py_ssize_t step_y, Py_ssize_t columns, Py_ssize_t rows,
                   uint32_t *line, int16_t *out)
{
    const uint64_t share = ((uint64_t)1 << 32) / (uint64_t)(step_x * step_y);
    uint32_t *sum = line + columns * step_x;
    for (Py_ssize_t j = 0; j < rows; j++) {
        memset(sum, 0, (size_t)columns * sizeof *sum);
        for (Py_ssize_t y = j * step_y; y < (j + 1) * step_y; y++) {
            row_luma(p, y, columns * step_x, line);
            const uint32_t *at = line;
            for (Py_ssize_t i = 0; i < columns; i++)
                for (Py_ssize_t x = 0; x < step_x; x++) sum[i] += *at++;
        }
        for (Py_ssize_t i = 0; i < columns; i++) out[j * columns + i] = (int16_t)(sum[i] * share >> 36);
    }
}

enum { TOGETHER = 8 };

/* Rows resampled to `grid` rows (a multiple of TOGETHER) by weights int16[grid, taps] of 1/4096 from row start[k] on,
 * and transposed: int16[columns, grid]. */
FOR_EVERY_CPU
static void resample(const int16_t *in, Py_ssize_t columns, Py_ssize_t grid, const int32_t *start, const int16_t *weight,
                     Py_ssize_t taps, int32_t *sum, int16_t *out)
{
    for (Py_ssize_t k = 0; k < grid; k += TOGETHER) {
        for (Py_ssize_t x = 0; x < columns * TOGETHER; x++) sum[x] = 2048;
        for (Py_ssize_t j = 0; j < TOGETHER; j++)
            for (Py_ssize_t t = 0; t < taps; t++) {
                const int16_t *row = in + ((Py_ssize_t)start[k + j] + t) * columns;
                const int16_t w = weight[(k + j) * taps + t];
                int32_t *to = sum + j * columns;
                for (Py_ssize_t x = 0; x < columns; x++) to[x] += (int32_t)row[x] * w;
            }
        for (Py_ssize_t x = 0; x < columns; x++)
            for (Py_ssize_t j = 0; j < TOGETHER; j++) out[x * grid + k + j] = (int16_t)(sum[j * columns + x] >> 12);
    }
}

/* n² times the variance of the Laplacian of a plane int16[side, side] over its n inner points. */
FOR_EVERY_CPU
static double laplacian_variance(const int16_t *plane, Py_ssize_t side)
{
    int64_t sum = 0, squares = 0;
    for (Py_ssize_t y = 1; y + 1 < side; y++)
        for (Py_ssize_t x = 1; x + 1 < side; x++) {
            const int16_t *p = plane + y * side + x;
            const int32_t value = 4 * p[0] - p[-1] - p[1] - *(p - side) - p[side];
            sum += value, squares += value * value;
        }
    const int64_t n = (int64_t)((side - 2) * (side - 2));
    return (double)(n * squares - sum * sum);
}

typedef struct {
    Py_ssize_t step, length, taps;
    const int32_t *start;
    const int16_t *weight;
} Filter;

typedef struct {
    int16_t *small, *half, *plane;
    int32_t *sum;
    uint32_t *line;
} Room;

static double sharpness(const Pixels *p, const Filter *across, const Filter *down, Py_ssize_t grid, const Room *room)
{
    shrink(p, across->step, down->step, across->length, down->length, room->line, room->small);
    resample(room->small, across->length, grid, down->start, down->weight, down->taps, room->sum, room->half);
    resample(room->half, grid, grid, across->start, across->weight, across->taps, room->sum, room->plane);
    return laplacian_variance(room->plane, grid);
}

/* sharpness(pixels, is_float, scale, channels, strides y x c, grid, across, down), with a filter as
 * step, length, taps, start, weight: see sharpness.py. */
static PyObject *py_sharpness(PyObject *self, PyObject *args)
{
    Pixels p;
    Filter across, down;
    Py_ssize_t grid;
    (void)self;
    if (!PyArg_ParseTuple(args, "nifnnnnnnnnnnnnnnn", &p.data, &p.is_float, &p.scale, &p.channels, &p.stride_y,
                          &p.stride_x, &p.stride_c, &grid, &across.step, &across.length, &across.taps, &across.start,
                          &across.weight, &down.step, &down.length, &down.taps, &down.start, &down.weight))
        return NULL;
    const size_t n = (size_t)grid, width = (size_t)across.length, longest = width > n ? width : n;
    const Room room = {malloc(width * (size_t)down.length * 2), malloc(width * n * 2), malloc(n * n * 2),
                       malloc(longest * TOGETHER * 4), malloc(width * (size_t)(across.step + 1) * 4)};
    const int ready = room.small && room.half && room.plane && room.sum && room.line;
    double value = 0;
    if (ready) {
        Py_BEGIN_ALLOW_THREADS
        value = sharpness(&p, &across, &down, grid, &room);
        Py_END_ALLOW_THREADS
    }
    free(room.small), free(room.half), free(room.plane), free(room.sum), free(room.line);
    return ready ? PyFloat_FromDouble(value) : PyErr_NoMemory();
}

static int level_at(const Pixels *p, const char *at)
{
    return p->is_float ? (int)level(*(const float *)at, p->scale) : *(const uint8_t *)at;
}

/* colorfulness(pixels, is_float, scale, strides y x c, rows, columns): how far the most colorful pixel is from gray. */
static PyObject *py_colorfulness(PyObject *self, PyObject *args)
{
    Pixels p;
    Py_ssize_t rows, columns;
    (void)self;
    if (!PyArg_ParseTuple(args, "nifnnnnn", &p.data, &p.is_float, &p.scale, &p.stride_y, &p.stride_x, &p.stride_c,
                          &rows, &columns))
        return NULL;
    int most = 0;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t y = 0; y < rows; y++) {
        const char *at = p.data + y * p.stride_y;
        for (Py_ssize_t x = 0; x < columns; x++, at += p.stride_x) {
            const int green = level_at(&p, at + p.stride_c);
            const int red = abs(level_at(&p, at) - green), blue = abs(level_at(&p, at + 2 * p.stride_c) - green);
            if (red > most) most = red;
            if (blue > most) most = blue;
        }
    }
    Py_END_ALLOW_THREADS
    return PyLong_FromLong(most);
}

PyMethodDef sharpness_methods[] = {{"sharpness", py_sharpness, METH_VARARGS, NULL},
                                   {"colorfulness", py_colorfulness, METH_VARARGS, NULL},
                                   {NULL, NULL, 0, NULL}};
