/* float32 values 0..1 of any strides → tight uint8 levels 0..255, and what lies beyond. Twin: levels.py. */
#include "kernels.h"
#include "dispatch.h"
#include "levels.h"
#include <string.h>

INLINED uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Of 0..255: rounded half to even, for adding 1.5 * 2^23 leaves no room for a fraction. */
INLINED uint8_t rounded(float scaled) { return (uint8_t)bits_of(scaled + 12582912.0f); }

/* Clipped, NaN to 0. */
INLINED uint8_t level(float value)
{
    float scaled = value * 255.0f;
    scaled = scaled > 0.0f ? scaled : 0.0f;
    return rounded(scaled < 255.0f ? scaled : 255.0f);
}

static void look(Spread *spread, float value)
{
    if (value < spread->low) spread->low = value;
    if (value > spread->high) spread->high = value;
    if (value != value) spread->nan = 1;
}

enum {
    BLOCK = 2048, /* values that stay in the nearest cache */
    GROUP = 64,   /* values in a row that are asked for ahead of time */
    AHEAD = 512,  /* by so many values; a tensor is read once, from memory */
    FEW = 1 << 14 /* values for which handing the lock to another thread would take longer than they do */
};

/* BLOCK values beside each other, without clipping; 0 where one lies beyond 0..1 (or is -0), and they are wrong. */
FOR_EVERY_CPU
static int usual_levels(const float *restrict in, uint8_t *restrict out)
{
    uint32_t highest = 0;
    for (int k = 0; k < BLOCK; k += GROUP, in += GROUP, out += GROUP) {
        for (int i = 0; i < GROUP; i += 16) SOON_READ(in + i + AHEAD);
        for (int i = 0; i < GROUP; i++) {
            const uint32_t bits = bits_of(in[i]); /* grow as floats do; those of negative ones and NaN are higher */
            highest = bits > highest ? bits : highest;
            out[i] = rounded(in[i] * 255.0f);
        }
    }
    return highest <= bits_of(1.0f);
}

FOR_EVERY_CPU
static void any_levels(const float *restrict in, int count, uint8_t *restrict out, Spread *spread)
{
    int32_t beyond = 0;
    for (int i = 0; i < count; i++) beyond += !((in[i] >= 0.0f) & (in[i] <= 1.0f));
    for (int i = 0; i < count; i++) out[i] = level(in[i]);
    for (int i = 0; beyond && i < count; i++) look(spread, in[i]);
}

/* Values beside each other. */
static void tight_levels(const float *in, Py_ssize_t count, uint8_t *out, Spread *spread)
{
    for (; count >= BLOCK; count -= BLOCK, in += BLOCK, out += BLOCK)
        if (!usual_levels(in, out)) any_levels(in, BLOCK, out, spread);
    any_levels(in, (int)count, out, spread);
}

static void strided_levels(const char *in, Py_ssize_t columns, Py_ssize_t channels, Py_ssize_t stride_x,
                           Py_ssize_t stride_c, uint8_t *out, Spread *spread)
{
    for (Py_ssize_t x = 0; x < columns; x++)
        for (Py_ssize_t c = 0; c < channels; c++) {
            float value;
            memcpy(&value, in + x * stride_x + c * stride_c, sizeof value);
            look(spread, value);
            *out++ = level(value);
        }
}

Spread levels_of(const char *in, const Shape *shape, uint8_t *out)
{
    const Py_ssize_t count = shape->columns * shape->channels, item = (Py_ssize_t)sizeof(float);
    const int tight = (shape->channels == 1 || shape->stride_c == item) && shape->stride_x == shape->channels * item;
    Spread spread = {0.0f, 1.0f, 0};
    if (tight && shape->stride_y == count * item) {
        tight_levels((const float *)in, shape->rows * count, out, &spread);
        return spread;
    }
    for (Py_ssize_t y = 0; y < shape->rows; y++, in += shape->stride_y, out += count)
        if (tight)
            tight_levels((const float *)in, count, out, &spread);
        else
            strided_levels(in, shape->columns, shape->channels, shape->stride_x, shape->stride_c, out, &spread);
    return spread;
}

/* levels(values, rows, columns, channels, strides y x c, out) -> lowest (0 at most), highest (1 at least), whether some
 * are NaN. */
static PyObject *py_levels(PyObject *self, PyObject *args)
{
    const char *in;
    uint8_t *out;
    Shape shape;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnnnnnnn", &in, &shape.rows, &shape.columns, &shape.channels, &shape.stride_y,
                          &shape.stride_x, &shape.stride_c, &out))
        return NULL;
    PyThreadState *state = shape.rows * shape.columns * shape.channels > FEW ? PyEval_SaveThread() : NULL;
    const Spread spread = levels_of(in, &shape, out);
    if (state) PyEval_RestoreThread(state);
    return Py_BuildValue("ffi", spread.low, spread.high, spread.nan);
}

PyMethodDef levels_methods[] = {{"levels", py_levels, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
