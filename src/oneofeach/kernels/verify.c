/* How alike two descriptors of 1152 bytes are, directly and after an affine registration. Twin: verify_numpy.py, which
 * tells what the constants mean. */
#include "kernels.h"
#include "verify.h"

enum { BYTES = AREA + 2 * CELL_AREA };
static const double ENOUGH = 0.98, COARSE_CAP = 0.97, LEAST_MOVE = 0.3, OVERLAP_COST = 0.33;
static const int LEAST_INSIDE_WARP = 400;

/* Lay b over a and compare; 0 when no map is found that moves it. */
static int registered(const Planes *a, const Planes *b, Verified *out)
{
    double mask[AREA], cells[CELL_AREA], affine[6];
    Planes warped;
    if (!find_map(a->luma, b->luma, affine) || displacement(affine) < LEAST_MOVE ||
        warp(b->luma, SIDE, affine, warped.luma, mask) <= LEAST_INSIDE_WARP)
        return 0;
    for (int k = 0; k < 2; k++) warp(b->chroma[k], CELLS, affine, warped.chroma[k], cells);
    score(a, &warped, mask, cells, RESAMPLED, NULL, out);
    memcpy(out->affine, affine, sizeof affine);
    out->overlap = frame_overlap(affine);
    out->value *= 1.0 - OVERLAP_COST * (1.0 - out->overlap);
    return 1;
}

/* Planes that lie on each other, one of which lost something: alike to COARSE_CAP at most. */
static void altered(const Planes *a, const Planes *b, const double *mask, const double *cells, Detail detail,
                    const double (*lost)[AREA], Verified *best)
{
    Verified found;
    score(a, b, mask, cells, detail, lost, &found);
    found.value = least(found.value, COARSE_CAP);
    if (found.value > best->value) *best = found;
}

/* Compare what neither lost at white or black, where one did. */
static void unclipped(const Planes *a, const Planes *b, const double *mask, const double *cells, Detail detail,
                      Verified *best)
{
    Planes of_a, of_b;
    double lost[2][AREA];
    const int less_of_a = limit_levels(a->luma, b->luma, of_a.luma, lost[0]);
    const int less_of_b = limit_levels(b->luma, a->luma, of_b.luma, lost[1]);
    if (!less_of_a && !less_of_b) return;
    memcpy(of_a.chroma, a->chroma, sizeof of_a.chroma);
    memcpy(of_b.chroma, b->chroma, sizeof of_b.chroma);
    altered(&of_a, &of_b, mask, cells, SAME, lost, best);
    if (detail != SAME) altered(&of_a, &of_b, mask, cells, detail, lost, best);
}

static void verify(const Planes *a, const Planes *b, double cap, int still, Verified *best)
{
    double mask[AREA], cells[CELL_AREA];
    Verified found;
    const double enough = least(COARSE_CAP, cap);
    for (int i = 0; i < AREA; i++) mask[i] = 1.0;
    for (int i = 0; i < CELL_AREA; i++) cells[i] = 1.0;
    score(a, b, mask, cells, SAME, NULL, best);
    const int structured = best->contrast > FLAT;
    const Detail detail = best->detail;
    if (best->value < enough && detail != SAME) altered(a, b, mask, cells, detail, NULL, best);
    if (best->value < enough) unclipped(a, b, mask, cells, detail, best);
    if (best->value < least(ENOUGH, cap) && structured && !still && registered(a, b, &found) &&
        found.value > best->value)
        *best = found;
}

static void unpack(const uint8_t *bytes, Planes *out)
{
    for (int i = 0; i < AREA; i++) out->luma[i] = bytes[i];
    for (int i = 0; i < 2 * CELL_AREA; i++) out->chroma[i / CELL_AREA][i % CELL_AREA] = (int8_t)bytes[AREA + i];
}

/* verify(first, second, cap, still, count, value, color, overlap, affine, place): see verify.py. */
static PyObject *py_verify(PyObject *self, PyObject *args)
{
    const uint8_t *first, *second, *still;
    const double *cap;
    double *value, *color, *overlap, *affine;
    uint8_t *place;
    Py_ssize_t count;
    (void)self;
    if (!PyArg_ParseTuple(args, "nnnnnnnnnn", &first, &second, &cap, &still, &count, &value, &color, &overlap, &affine,
                          &place))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t i = 0; i < count; i++) {
        Planes a, b;
        Verified found;
        unpack(first + i * BYTES, &a);
        unpack(second + i * BYTES, &b);
        verify(&a, &b, cap[i], still[i], &found);
        value[i] = found.value, color[i] = found.color, overlap[i] = found.overlap;
        memcpy(affine + 6 * i, found.affine, sizeof found.affine);
        place[2 * i] = (uint8_t)(found.place / POSITIONS);
        place[2 * i + 1] = (uint8_t)(found.place % POSITIONS);
    }
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

PyMethodDef verify_methods[] = {{"verify", py_verify, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
