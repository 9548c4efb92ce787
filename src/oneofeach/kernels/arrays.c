/* Small pictures in memory → what a scan wants to know of each, in one call: converted, measured and described as the
 * functions of the general way do it one by one, with equal results. */
#include "kernels.h"
#include "description.h"
#include "levels.h"
#include <stdlib.h>

enum { MEASURED = 5 }; /* sharpness, color; the lowest and the highest of floats, and whether some are NaN */

typedef struct {
    Shape shape;
    int floats; /* else they are levels */
    Spectrum by;
    Side across, down;
    uint8_t *levels; /* room for those of one picture */
} Work;

static int describe(const char *values, Work *work, double *measured, uint8_t *descriptor, uint8_t *bits)
{
    const Shape *s = &work->shape;
    Spread spread = {0.0f, 1.0f, 0};
    Pixels p = {(const uint8_t *)values, s->rows, s->columns, s->channels, s->stride_y, s->stride_x, s->stride_c,
                (double)s->columns, (double)s->rows};
    if (work->floats) {
        spread = levels_of(values, s, work->levels);
        p.data = work->levels, p.stride_y = s->columns * s->channels, p.stride_x = s->channels, p.stride_c = 1;
    }
    measured[0] = sharpness_of(&p, &work->across, &work->down), measured[1] = (double)colorfulness_of(&p);
    measured[2] = spread.low, measured[3] = spread.high, measured[4] = spread.nan;
    return measured[0] >= 0.0 && description_of(&p, 1, &work->by, descriptor, bits);
}

static int describe_each(const int64_t *addresses, Py_ssize_t count, Work *work, double *measured, uint8_t *descriptors,
                         uint8_t *bits)
{
    const Shape *s = &work->shape;
    work->levels = malloc((size_t)(s->rows * s->columns * s->channels));
    sharpness_side((double)s->columns, s->columns, &work->across), sharpness_side((double)s->rows, s->rows, &work->down);
    int done = work->levels != NULL;
    for (Py_ssize_t k = 0; done && k < count; k++)
        done = describe((const char *)(intptr_t)addresses[k], work, measured + k * MEASURED,
                        descriptors + k * DESCRIPTOR_BYTES, bits + k * BITS_BYTES);
    free(work->levels);
    return done;
}

/* arrays_described(addresses, count, floats, rows, columns, channels, strides y x c, matrix, frequencies, limit, measured,
 * descriptors, bits): of pictures of one shape, double[n, MEASURED], uint8[n, DESCRIPTOR_BYTES] and uint8[n, BITS_BYTES]
 * are filled. */
static PyObject *arrays_described(PyObject *self, PyObject *args)
{
    Work *work = calloc(1, sizeof *work);
    Py_ssize_t addresses, count, matrix, frequencies, measured, descriptors, bits;
    int done;
    (void)self;
    if (!work) return PyErr_NoMemory();
    Shape *s = &work->shape;
    if (!PyArg_ParseTuple(args, "nnpnnnnnnnndnnn", &addresses, &count, &work->floats, &s->rows, &s->columns, &s->channels,
                          &s->stride_y, &s->stride_x, &s->stride_c, &matrix, &frequencies, &work->by.limit, &measured,
                          &descriptors, &bits)) {
        free(work);
        return NULL;
    }
    work->by.matrix = (const double *)matrix, work->by.frequencies = (const int64_t *)frequencies;
    Py_BEGIN_ALLOW_THREADS
    done = describe_each((const int64_t *)addresses, count, work, (double *)measured, (uint8_t *)descriptors,
                         (uint8_t *)bits);
    Py_END_ALLOW_THREADS
    free(work);
    if (!done) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

PyMethodDef arrays_methods[] = {{"arrays_described", arrays_described, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
