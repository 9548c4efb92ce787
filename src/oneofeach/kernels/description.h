/* Pictures of uint8 pixels of any strides, and what is measured on them for a description. */
#ifndef ONEOFEACH_DESCRIPTION_H
#define ONEOFEACH_DESCRIPTION_H

#include <stdint.h>

enum { FRAME = 1 << 15, GRID = 128 }; /* boxes are in 1/FRAME of the sides; cells per side that borders are sought on */
enum { POINTS = 96, MOST_TAPS = 9 };  /* per side that sharpness is measured on; pixels that make one */
enum { DESCRIPTOR_BYTES = 2312, BITS_BYTES = 64 };

typedef struct {
    const uint8_t *data;
    int64_t height, width, channels, stride_y, stride_x, stride_c;
    double extent_x, extent_y; /* in pixels, what the picture truly covers */
} Pixels;

/* Left, top, right, bottom. */
typedef struct {
    int32_t at[4];
} Box;

/* The DCT of a luma plane by a matrix [16][32] of whole numbers, and the coefficients, [128][2] frequencies, that lie above
 * and below a dead zone. */
typedef struct {
    const double *matrix;
    const int64_t *frequencies;
    double limit;
} Spectrum;

/* One side of a picture, to be resampled to POINTS: `triangle` in sharpness.py. */
typedef struct {
    double extent;
    int64_t whole, step, length, taps; /* whole: pixels; length: of steps */
    int32_t start[POINTS];
    int16_t weight[POINTS * MOST_TAPS];
} Side;

/* Edges of `side` cells of start..stop in 1/256 pixel: int64[side + 1]. Twin: _edges in area.py. */
void area_edges(double start, double stop, int64_t side, int64_t length, int64_t *edges);

/* Exact sums of level * area: int64[side, side, channels]. 0: no memory. */
int area_cells(const Pixels *pixels, const int64_t *edges_x, const int64_t *edges_y, int64_t side, int64_t *out);

/* uint8[DESCRIPTOR_BYTES] and uint8[BITS_BYTES] of the method "oneofeach-1", upright. 0: no memory. */
int description_of(const Pixels *pixels, int orientation, const Spectrum *by, uint8_t *descriptor, uint8_t *bits);

/* Makes `side` what it has to be, if it is not yet. */
void sharpness_side(double extent, int64_t length, Side *side);

/* `sharpness` in sharpness.py; below 0: no memory. */
double sharpness_of(const Pixels *pixels, const Side *across, const Side *down);

/* `colorfulness` in sharpness.py. */
int64_t colorfulness_of(const Pixels *pixels);

/* The inside of a border of one color, all of the frame when there is none. 0: no memory. */
int border_find(const Pixels *pixels, Box *box);

#endif
