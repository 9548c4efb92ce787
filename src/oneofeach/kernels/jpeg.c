/* JPEG files → pixels at 1/1, 1/2, 1/4 or 1/8: sequential ones, and at 1/8 progressive ones, of which only the scans with
 * DC values are read. There is no twin: without it, or with an unusual file, a library decodes. */
#include "kernels.h"
#include "jpeg.h"
#include <stdlib.h>
#include <string.h>

/* One block of memory for all planes. NULL: there is none. */
static uint8_t *new_planes(Jpeg *jpeg)
{
    size_t place[MOST_COMPONENTS + 1] = {0};
    for (unsigned c = 0; c < jpeg->components; c++) {
        Component *own = jpeg->component + c;
        own->stride = jpeg->mcus_across * own->h * jpeg->side;
        place[c + 1] = place[c] + own->stride * jpeg->mcus_down * own->v * jpeg->side;
    }
    uint8_t *planes = malloc(place[jpeg->components]);
    for (unsigned c = 0; planes && c < jpeg->components; c++) jpeg->component[c].plane = planes + place[c];
    return planes;
}

static int ended(const Jpeg *jpeg) { return jpeg->data[0] == 0xff && jpeg->data[1] == 0xd9; }

static int rebuild(Jpeg *jpeg, Scan *scan, size_t height, size_t width, uint8_t *out)
{
    unsigned missing = jpeg->components;
    do {
        if (!jpeg_decode_scan(jpeg, scan)) return 0;
        for (unsigned c = 0; c < scan->components; c++) {
            if (scan->component[c]->decoded) return 0;
            scan->component[c]->decoded = 1;
        }
        missing -= scan->components;
    } while (missing && jpeg_next_scan(jpeg, scan));
    if (missing || (!jpeg->progressive && !ended(jpeg))) return 0;
    if (jpeg->components == 3) return jpeg_colors(jpeg, height, width, out);
    for (size_t y = 0; y < height; y++) memcpy(out + y * width, jpeg->component->plane + y * jpeg->component->stride, width);
    return 1;
}

int jpeg_reduced(Jpeg *jpeg, Scan *first, size_t scale, uint8_t *out)
{
    if (jpeg->progressive && scale < 8) return 0;
    jpeg->side = (unsigned)(8 / scale);
    uint8_t *planes = new_planes(jpeg);
    const size_t height = (jpeg->height + scale - 1) / scale, width = (jpeg->width + scale - 1) / scale;
    const int good = planes && rebuild(jpeg, first, height, width, out);
    free(planes);
    return good;
}

void jpeg_done(Jpeg *jpeg)
{
    for (int k = 0; k < 8; k++) free(jpeg->own[k / 4][k % 4]);
}

/* out: uint8[channels, height, width]. */
static int decode(Jpeg *jpeg, size_t height, size_t width, size_t channels, size_t scale, uint8_t *out)
{
    Scan scan;
    if (!jpeg_next_scan(jpeg, &scan) || channels != jpeg->components) return 0;
    if (height != (jpeg->height + scale - 1) / scale || width != (jpeg->width + scale - 1) / scale) return 0;
    return jpeg_reduced(jpeg, &scan, scale, out);
}

/* jpeg_decode(data, scale, height, width, channels, out): True when the whole picture, reduced by a scale of 1,
 * 2, 4 or 8 and rounded up to height x width, is in out; False when a library has to decide. */
static PyObject *jpeg_decode(PyObject *self, PyObject *args)
{
    const char *data;
    Py_ssize_t length, scale, height, width, channels, out;
    (void)self;
    if (!PyArg_ParseTuple(args, "y#nnnnn", &data, &length, &scale, &height, &width, &channels, &out)) return NULL;
    Jpeg *jpeg = calloc(1, sizeof *jpeg);
    if (!jpeg) return PyErr_NoMemory();
    jpeg->data = (const uint8_t *)data + 2, jpeg->stop = (const uint8_t *)data + length;
    int good;
    Py_BEGIN_ALLOW_THREADS
    good = length > 4 && decode(jpeg, (size_t)height, (size_t)width, (size_t)channels, (size_t)scale, (uint8_t *)out);
    jpeg_done(jpeg);
    free(jpeg);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(good);
}

PyMethodDef jpeg_methods[] = {{"jpeg_decode", jpeg_decode, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
