/* float32 values 0..1 of any strides → tight uint8 levels 0..255, and what lies beyond. Twin: levels.py. */
#include "kernels.h"
#include "dispatch.h"
#include <string.h>

/* What lies beyond 0..1. */
typedef struct {
    float low, high;
    int nan;
} Spread;

/* Rounded half to even and clipped, NaN to 0: adding 1.5 * 2^23 leaves no room for a fraction. */
static inline uint8_t level(float value)
{
    float scaled = value * 255.0f;
    scaled = scaled > 0.0f ? scaled : 0.0f;
    scaled = scaled < 255.0f ? scaled : 255.0f;
    return (uint8_t)(int32_t)((scaled + 12582912.0f) - 12582912.0f);
}

static void look(Spread *spread, float value)
{
    if (value < spread->low) spread->low = value;
    if (value > spread->high) spread->high = value;
    if (value != value) spread->nan = 1;
}

enum {
    BLOCK = 2048, /* values that stay in the nearest cache */
    FEW = 1 << 14 /* values for which handing the lock to another thread would take longer than they do */
};

/* Values beside each other; they are looked at one by one only where one lies beyond 0..1. */
FOR_EVERY_CPU
static void tight_levels(const float *restrict in, Py_ssize_t count, uint8_t *restrict out, Spread *spread)
{
    for (; count > 0; count -= BLOCK, in += BLOCK, out += BLOCK) {
        const int n = count < BLOCK ? (int)count : BLOCK;
        int32_t beyond = 0;
        for (int i = 0; i < n; i++) beyond += !((in[i] >= 0.0f) & (in[i] <= 1.0f));
        for (int i = 0; i < n; i++) out[i] = level(in[i]);
        for (int i = 0; beyond && i < n; i++) look(spread, in[i]);
    }
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

typedef struct {
    Py_ssize_t rows, columns, channels, stride_y, stride_x, stride_c;
} Shape;

static Spread convert(const char *in, const Shape *shape, uint8_t *out)
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
    const Spread spread = convert(in, &shape, out);
    if (state) PyEval_RestoreThread(state);
    return Py_BuildValue("ffi", spread.low, spread.high, spread.nan);
}

/* levels_of_each(addresses, count, rows, columns, channels, strides y x c, out, beyond): `levels` of pictures of one
 * shape, one after the other; beyond: float[count][3], what `levels` returns. */
static PyObject *py_levels_of_each(PyObject *self, PyObject *args)
{
    const int64_t *address;
    Py_ssize_t count;
    uint8_t *out;
    float *beyond;
    Shape shape;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnnnnnnnnn", &address, &count, &shape.rows, &shape.columns, &shape.channels,
                          &shape.stride_y, &shape.stride_x, &shape.stride_c, &out, &beyond))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t k = 0; k < count; k++, beyond += 3, out += shape.rows * shape.columns * shape.channels) {
        const Spread spread = convert((const char *)(intptr_t)address[k], &shape, out);
        beyond[0] = spread.low, beyond[1] = spread.high, beyond[2] = (float)spread.nan;
    }
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

PyMethodDef levels_methods[] = {{"levels", py_levels, METH_VARARGS, NULL},
                                {"levels_of_each", py_levels_of_each, METH_VARARGS, NULL},
                                {NULL, NULL, 0, NULL}};
