/* uint8 pixels of any strides → how far the most colorful one is from gray. Twin: sharpness.py. */
#include "kernels.h"
#include "description.h"
#include "dispatch.h"

static inline int apart(int a, int b) { return a > b ? a - b : b - a; }

static inline int most_colorful(const uint8_t *at, Py_ssize_t columns, Py_ssize_t stride_x, Py_ssize_t stride_c)
{
    int most = 0;
    for (Py_ssize_t x = 0; x < columns; x++) {
        const uint8_t *pixel = at + x * stride_x;
        const int red = apart(pixel[0], pixel[stride_c]), blue = apart(pixel[2 * stride_c], pixel[stride_c]);
        const int more = red > blue ? red : blue;
        most = more > most ? more : most;
    }
    return most;
}

FOR_EVERY_CPU
static int64_t colorfulness(const Pixels *p)
{
    const int tight = p->stride_x == 3 && p->stride_c == 1; /* known strides let the compiler use vectors */
    int most = 0;
    for (int64_t y = 0; y < p->height; y++) {
        const uint8_t *at = p->data + y * p->stride_y;
        const int more =
            tight ? most_colorful(at, p->width, 3, 1) : most_colorful(at, p->width, p->stride_x, p->stride_c);
        most = more > most ? more : most;
    }
    return most;
}

int64_t colorfulness_of(const Pixels *p)
{
    if (p->channels == 1) return 0;
    const int64_t rows = p->height / 64 > 1 ? p->height / 64 : 1, columns = p->width / 64 > 1 ? p->width / 64 : 1;
    Pixels sample = *p;
    sample.height = (p->height + rows - 1) / rows, sample.width = (p->width + columns - 1) / columns;
    sample.stride_y *= rows, sample.stride_x *= columns;
    return colorfulness(&sample);
}

/* colorfulness(pixels, rows, columns, strides y x c) -> int */
static PyObject *py_colorfulness(PyObject *self, PyObject *args)
{
    Pixels p = {0};
    Py_ssize_t data, rows, columns, stride_y, stride_x, stride_c;
    int64_t most;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnnnnn", &data, &rows, &columns, &stride_y, &stride_x, &stride_c)) return NULL;
    p.data = (const uint8_t *)data, p.height = rows, p.width = columns, p.channels = 3;
    p.stride_y = stride_y, p.stride_x = stride_x, p.stride_c = stride_c;
    Py_BEGIN_ALLOW_THREADS
    most = colorfulness(&p);
    Py_END_ALLOW_THREADS
    return PyLong_FromLongLong(most);
}

PyMethodDef colorfulness_methods[] = {{"colorfulness", py_colorfulness, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
