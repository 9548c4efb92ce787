/* Small square planes of doubles: sums, smoothing, sampling. Twin: planes_numpy.py, in the same order of operations;
 * built without fused multiply-add, so both give the same bits. */
#ifndef ONEOFEACH_PLANES_H
#define ONEOFEACH_PLANES_H

#include "dispatch.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { SIDE = 32, AREA = SIDE * SIDE, CELLS = 8, CELL_AREA = CELLS * CELLS, POSITIONS = 7, WINDOWS = 49 };

typedef struct {
    double x, y;
} Point;

static inline double least(double a, double b) { return a < b ? a : b; }
static inline double most(double a, double b) { return a > b ? a : b; }
static inline double clip(double x, double low, double high) { return least(most(x, low), high); }

/* Sum of columns (a power of two of them) in halves; destroys them. */
static inline double fold(double *columns, int count)
{
    for (; count > 1; count /= 2)
        for (int i = 0; i < count / 2; i++) columns[i] += columns[i + count / 2];
    return columns[0];
}

static inline double total(const double *plane, int side)
{
    double columns[SIDE] = {0};
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) columns[x] += plane[y * side + x];
    return fold(columns, side);
}

/* Sum of the products of two planes. */
static inline double total_product(const double *a, const double *b, int side)
{
    double columns[SIDE] = {0};
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) columns[x] += a[y * side + x] * b[y * side + x];
    return fold(columns, side);
}

/* Sums of factor x factor pixels. */
static inline void blocks(const double *plane, int side, int factor, double *out)
{
    const int cells = side / factor;
    for (int j = 0; j < cells; j++)
        for (int i = 0; i < cells; i++) {
            double columns[4] = {0};
            for (int y = 0; y < factor; y++)
                for (int x = 0; x < factor; x++) columns[x] += plane[(j * factor + y) * side + i * factor + x];
            out[j * cells + i] = fold(columns, factor);
        }
}

/* Means of factor x factor pixels; factor is a power of two. */
static inline void shrink(const double *plane, int side, int factor, double *out)
{
    const int cells = side / factor;
    blocks(plane, side, factor, out);
    for (int i = 0; i < cells * cells; i++) out[i] *= 1.0 / (factor * factor);
}

/* Sums over the 7 x 7 windows of 2 x 2 in a grid of 8 x 8. */
static inline void windows(const double *grid, double *out)
{
    for (int y = 0; y < POSITIONS; y++)
        for (int x = 0; x < POSITIONS; x++) {
            const double *at = grid + y * CELLS + x;
            out[y * POSITIONS + x] = (at[0] + at[1]) + (at[CELLS] + at[CELLS + 1]);
        }
}

static inline void smooth(const double *plane, double *out)
{
    double across[AREA];
    for (int y = 0; y < SIDE; y++) {
        const double *row = plane + y * SIDE;
        double *to = across + y * SIDE;
        to[0] = 0.25 * row[0] + 0.5 * row[0] + 0.25 * row[1];
        for (int x = 1; x < SIDE - 1; x++) to[x] = 0.25 * row[x - 1] + 0.5 * row[x] + 0.25 * row[x + 1];
        to[SIDE - 1] = 0.25 * row[SIDE - 2] + 0.5 * row[SIDE - 1] + 0.25 * row[SIDE - 1];
    }
    for (int y = 0; y < SIDE; y++) {
        const double *above = across + (y ? y - 1 : 0) * SIDE, *row = across + y * SIDE;
        const double *below = across + (y < SIDE - 1 ? y + 1 : y) * SIDE;
        for (int x = 0; x < SIDE; x++) out[y * SIDE + x] = 0.25 * above[x] + 0.5 * row[x] + 0.25 * below[x];
    }
}

static inline double center(int i, int side) { return (i + 0.5) / (side / 2.0) - 1; }

static inline Point mapped(const double *p, double x, double y)
{
    Point to = {p[0] * x + p[1] * y + p[2], p[3] * x + p[4] * y + p[5]};
    return to;
}

static inline int in_frame(Point p) { return (fabs(p.x) <= 1.0) & (fabs(p.y) <= 1.0); }

/* Piecewise-linear interpolation of (x, y) points, constant outside. */
static inline double curve(double x, const double (*table)[2], int count)
{
    double out = table[0][1];
    for (int i = 1; i < count; i++) {
        const double x0 = table[i - 1][0], y0 = table[i - 1][1], x1 = table[i][0], y1 = table[i][1];
        if (x > x0) out = y0 + (y1 - y0) * (least(x, x1) - x0) / (x1 - x0);
    }
    return out;
}

#endif
