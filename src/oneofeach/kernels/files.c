/* Encoded JPEG files → what a scan wants to know of each, in one call: decoded, measured and described as the functions of
 * the general way do it one by one, with equal results. What is unusual is left to them. */
#include "kernels.h"
#include "description.h"
#include "jpeg.h"
#include <stdlib.h>
#include <string.h>

enum { MEASURED = 5 };                  /* width, height (upright; 0: left to the general way), quality, sharpness, color */
static const double IJG_LUMA_SUM = 3685; /* of the example table of ITU-T T.81, K.1 */

typedef struct {
    Spectrum by;
    size_t least, most; /* pixels that the short side must keep; that a picture may have */
    Side across, down;
    uint8_t *pixels; /* room for one picture */
    size_t room;
} Work;

/* `jpeg_quality` in decode/facts.py, of the first table. */
static double quality(const Jpeg *jpeg)
{
    int table = 0;
    while (!jpeg->quantized[table]) table++;
    double sum = 0.0;
    for (int k = 0; k < 64; k++) sum += jpeg->steps[table][k];
    const double scale = 100.0 * sum / IJG_LUMA_SUM;
    if (scale <= 100.0 * 64 / IJG_LUMA_SUM) return 100.0;
    return scale <= 100.0 ? (200.0 - scale) / 2 : 5000.0 / scale;
}

static size_t scale_of(const Jpeg *jpeg, size_t least)
{
    const size_t room = (jpeg->width < jpeg->height ? jpeg->width : jpeg->height) / least;
    return room >= 8 ? 8 : room >= 4 ? 4 : room >= 2 ? 2 : 1;
}

/* Whether the mark of the end is there; behind sequential scans it is looked for while decoding. */
static int complete(const Jpeg *jpeg)
{
    if (!jpeg->progressive) return 1;
    for (const uint8_t *at = jpeg->stop - 2; at >= jpeg->data; at--)
        if (at[0] == 0xff && at[1] == 0xd9) return 1;
    return 0;
}

static int enough_room(Work *work, size_t size)
{
    if (work->room >= size) return 1;
    free(work->pixels);
    work->pixels = malloc(size);
    work->room = work->pixels ? size : 0;
    return work->pixels != NULL;
}

static int describe(Jpeg *jpeg, Work *work, double *measured, uint8_t *descriptor, uint8_t *bits)
{
    Scan scan;
    if (!jpeg_next_scan(jpeg, &scan) || jpeg->width * jpeg->height > work->most || !complete(jpeg)) return 0;
    const size_t scale = scale_of(jpeg, work->least);
    const size_t height = (jpeg->height + scale - 1) / scale, width = (jpeg->width + scale - 1) / scale;
    const int orientation = jpeg_orientation(jpeg);
    const double clear = quality(jpeg);
    if (!enough_room(work, height * width * jpeg->components) || !jpeg_reduced(jpeg, &scan, scale, work->pixels)) return 0;
    const Pixels p = {work->pixels, (int64_t)height, (int64_t)width, jpeg->components, (int64_t)width, 1,
                      (int64_t)(height * width), (double)jpeg->width / (double)scale, (double)jpeg->height / (double)scale};
    sharpness_side(p.extent_x, p.width, &work->across), sharpness_side(p.extent_y, p.height, &work->down);
    const double sharp = sharpness_of(&p, &work->across, &work->down);
    if (sharp < 0 || !description_of(&p, orientation, &work->by, descriptor, bits)) return 0;
    measured[0] = (double)(orientation < 5 ? jpeg->width : jpeg->height);
    measured[1] = (double)(orientation < 5 ? jpeg->height : jpeg->width);
    measured[2] = clear, measured[3] = sharp, measured[4] = (double)colorfulness_of(&p);
    return 1;
}

typedef struct {
    const uint8_t *data;
    size_t length;
} File;

static void describe_each(const File *files, size_t count, Work *work, double *measured, uint8_t *descriptors, uint8_t *bits)
{
    Jpeg *jpeg = malloc(sizeof *jpeg);
    memset(measured, 0, count * MEASURED * sizeof *measured);
    for (size_t k = 0; jpeg && k < count; k++) {
        memset(jpeg, 0, sizeof *jpeg);
        if (files[k].length < 4 || files[k].data[0] != 0xff || files[k].data[1] != 0xd8) continue;
        jpeg->data = files[k].data + 2, jpeg->stop = files[k].data + files[k].length;
        double *own = measured + k * MEASURED;
        if (!describe(jpeg, work, own, descriptors + k * DESCRIPTOR_BYTES, bits + k * BITS_BYTES)) own[0] = 0.0;
        jpeg_done(jpeg);
    }
    free(jpeg);
}

/* files_described(tuple of bytes, least, most, matrix, frequencies, limit, measured, descriptors, bits): double[n,
 * MEASURED], uint8[n, DESCRIPTOR_BYTES] and uint8[n, BITS_BYTES] are filled. */
static PyObject *files_described(PyObject *self, PyObject *args)
{
    PyObject *tuple;
    Work *work = calloc(1, sizeof *work);
    Py_ssize_t least, most, matrix, frequencies, measured, descriptors, bits;
    (void)self;
    if (!work) return PyErr_NoMemory();
    int good = PyArg_ParseTuple(args, "O!nnnndnnn", &PyTuple_Type, &tuple, &least, &most, &matrix, &frequencies,
                                &work->by.limit, &measured, &descriptors, &bits);
    const Py_ssize_t count = good ? PyTuple_Size(tuple) : 0;
    File *files = malloc((size_t)(count + 1) * sizeof *files);
    if (good && !files) PyErr_NoMemory(), good = 0;
    for (Py_ssize_t k = 0; good && k < count; k++) {
        char *data;
        Py_ssize_t length;
        good = !PyBytes_AsStringAndSize(PyTuple_GetItem(tuple, k), &data, &length);
        files[k] = (File){(const uint8_t *)data, (size_t)length};
    }
    if (good) {
        work->by.matrix = (const double *)matrix, work->by.frequencies = (const int64_t *)frequencies;
        work->least = (size_t)least, work->most = (size_t)most;
        Py_BEGIN_ALLOW_THREADS
        describe_each(files, (size_t)count, work, (double *)measured, (uint8_t *)descriptors, (uint8_t *)bits);
        Py_END_ALLOW_THREADS
    }
    free(work->pixels), free(work), free(files);
    if (!good) return NULL;
    Py_RETURN_NONE;
}

PyMethodDef files_methods[] = {{"files_described", files_described, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
