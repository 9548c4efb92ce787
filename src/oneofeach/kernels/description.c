/* Pixels → descriptor and bits of the method "oneofeach-1". Twin: stages/fingerprints/description.py, which tells what
 * they are. All sums are exact, so both give the same bits. */
#include "kernels.h"
#include "dispatch.h"
#include "description.h"
#include <string.h>

enum { SIDE = 32, CHROMA = 8, LUMA_BYTES = SIDE * SIDE, CHROMA_BYTES = CHROMA * CHROMA, BITS = 128, WAVES = 16 };
enum { PLANES = LUMA_BYTES + 2 * CHROMA_BYTES, BOX_BYTES = 8, DESCRIPTOR = 2 * PLANES + BOX_BYTES };
static const int64_t LUMA[3] = {77, 150, 29}, DIFFERENCES[2][3] = {{-11058, -21710, 32768}, {32768, -27439, -5329}};

static int64_t floored(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Places of the cells of a plane in the upright one. */
static inline int64_t upright(int64_t y, int64_t x, int64_t side, int orientation)
{
    if (orientation >= 5) {
        const int64_t swap = y;
        y = x, x = swap;
    }
    if (orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7) x = side - 1 - x;
    if (orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8) y = side - 1 - y;
    return y * side + x;
}

static int64_t weighted(const int64_t *rgb, const int64_t *weights)
{
    return rgb[0] * weights[0] + rgb[1] * weights[1] + rgb[2] * weights[2];
}

/* Blue and red difference of 4 x 4 cells together. */
static void differences(const int64_t *sums, int64_t area, int64_t place, uint8_t *out)
{
    for (int k = 0; k < 2; k++) {
        const int64_t value = floored(2 * weighted(sums, DIFFERENCES[k]) + 65536 * area, 2 * 65536 * area);
        out[k * CHROMA_BYTES + place] = (uint8_t)(int8_t)(value < -128 ? -128 : value > 127 ? 127 : value);
    }
}

/* uint8[PLANES], upright, of a box (left, top, right, bottom in pixels). */
static int averaged(const Pixels *p, const double *box, int orientation, uint8_t *out)
{
    int64_t across[SIDE + 1], down[SIDE + 1], cells[SIDE * SIDE * 3];
    int64_t sums[CHROMA_BYTES][3] = {{0}}, areas[CHROMA_BYTES] = {0};
    area_edges(box[0], box[2], SIDE, p->width, across), area_edges(box[1], box[3], SIDE, p->height, down);
    if (!area_cells(p, across, down, SIDE, cells)) return 0;
    const int64_t *cell = cells, green = p->channels == 1 ? 0 : 1, blue = 2 * green;
    for (int64_t j = 0; j < SIDE; j++)
        for (int64_t i = 0; i < SIDE; i++, cell += p->channels) {
            const int64_t rgb[3] = {cell[0], cell[green], cell[blue]}, block = j / 4 * CHROMA + i / 4;
            const int64_t area = (down[j + 1] - down[j]) * (across[i + 1] - across[i]);
            out[upright(j, i, SIDE, orientation)] = (uint8_t)((2 * weighted(rgb, LUMA) + 256 * area) / (512 * area));
            for (int c = 0; c < 3; c++) sums[block][c] += rgb[c];
            areas[block] += area;
        }
    for (int64_t k = 0; k < CHROMA_BYTES; k++)
        differences(sums[k], areas[k], upright(k / CHROMA, k % CHROMA, CHROMA, orientation), out + LUMA_BYTES);
    return 1;
}

static Box turned(Box box, int orientation)
{
    const int32_t *at = box.at;
    if (orientation >= 5) box = (Box){{at[1], at[0], at[3], at[2]}};
    if (orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7)
        box = (Box){{FRAME - at[2], at[1], FRAME - at[0], at[3]}};
    if (orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8)
        box = (Box){{at[0], FRAME - at[3], at[2], FRAME - at[1]}};
    return box;
}

/* out[u][v] = sums over x of in[x][u] * by[x][v]; `in` has `rows` columns. */
INLINED void multiply(const double *restrict in, int rows, const double (*restrict by)[WAVES], double (*restrict out)[WAVES])
{
    for (int u = 0; u < rows; u++) {
        double sums[WAVES] = {0};
        for (int x = 0; x < SIDE; x++)
            for (int v = 0; v < WAVES; v++) sums[v] += in[x * rows + u] * by[x][v];
        memcpy(out[u], sums, sizeof sums);
    }
}

FOR_EVERY_CPU
static void signs(const Spectrum *by, const uint8_t *luma, uint8_t *bits)
{
    double levels[SIDE * SIDE], waves[SIDE][WAVES], half[SIDE][WAVES], whole[WAVES][WAVES];
    for (int y = 0; y < SIDE; y++)
        for (int u = 0; u < WAVES; u++) waves[y][u] = by->matrix[u * SIDE + y];
    for (int k = 0; k < SIDE * SIDE; k++) levels[k] = luma[k];
    multiply(levels, SIDE, waves, half);    /* [x][u]: of each column */
    multiply(&half[0][0], WAVES, waves, whole); /* [u][v] */
    memset(bits, 0, BITS / 4);
    for (int k = 0; k < BITS; k++) {
        const double value = whole[by->frequencies[2 * k]][by->frequencies[2 * k + 1]];
        bits[k / 8] |= (uint8_t)((value > by->limit) << k % 8);
        bits[BITS / 8 + k / 8] |= (uint8_t)((value < -by->limit) << k % 8);
    }
}

int description_of(const Pixels *p, int orientation, const Spectrum *by, uint8_t *descriptor, uint8_t *bits)
{
    const double whole[4] = {0.0, 0.0, p->extent_x, p->extent_y};
    Box box;
    memset(descriptor + PLANES, 0, DESCRIPTOR - PLANES);
    if (!averaged(p, whole, orientation, descriptor) || !border_find(p, &box)) return 0;
    signs(by, descriptor, bits);
    memcpy(bits + BITS / 4, bits, BITS / 4);
    if (box.at[0] == 0 && box.at[1] == 0 && box.at[2] == FRAME && box.at[3] == FRAME) return 1;
    double inside[4];
    for (int k = 0; k < 4; k++) inside[k] = box.at[k] / (double)FRAME * (k % 2 ? p->extent_y : p->extent_x);
    box = turned(box, orientation);
    for (int k = 0; k < 4; k++) {
        descriptor[PLANES + 2 * k] = (uint8_t)box.at[k];
        descriptor[PLANES + 2 * k + 1] = (uint8_t)(box.at[k] >> 8);
    }
    if (!averaged(p, inside, orientation, descriptor + PLANES + BOX_BYTES)) return 0;
    signs(by, descriptor + PLANES + BOX_BYTES, bits + BITS / 4);
    return 1;
}

/* describe(pixels, height, width, channels, strides y x c, extent x y, orientation, matrix, frequencies, limit,
 * descriptor, bits) */
static PyObject *py_describe(PyObject *self, PyObject *args)
{
    Pixels p;
    Spectrum by;
    int orientation, done;
    Py_ssize_t data, height, width, channels, stride_y, stride_x, stride_c, matrix, frequencies, descriptor, bits;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnnnnnnddinndnn", &data, &height, &width, &channels, &stride_y, &stride_x, &stride_c,
                          &p.extent_x, &p.extent_y, &orientation, &matrix, &frequencies, &by.limit, &descriptor, &bits))
        return NULL;
    p.data = (const uint8_t *)data, p.height = height, p.width = width, p.channels = channels;
    p.stride_y = stride_y, p.stride_x = stride_x, p.stride_c = stride_c;
    by.matrix = (const double *)matrix, by.frequencies = (const int64_t *)frequencies;
    Py_BEGIN_ALLOW_THREADS
    done = description_of(&p, orientation, &by, (uint8_t *)descriptor, (uint8_t *)bits);
    Py_END_ALLOW_THREADS
    if (!done) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

PyMethodDef description_methods[] = {{"describe", py_describe, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
