/* Pictures of uint8 pixels of any strides, and what is measured on them for a description. */
#ifndef ONEOFEACH_DESCRIPTION_H
#define ONEOFEACH_DESCRIPTION_H

#include <stdint.h>

enum { FRAME = 1 << 15, GRID = 128 }; /* boxes are in 1/FRAME of the sides; cells per side that borders are sought on */

typedef struct {
    const uint8_t *data;
    int64_t height, width, channels, stride_y, stride_x, stride_c;
    double extent_x, extent_y; /* in pixels, what the picture truly covers */
} Pixels;

/* Left, top, right, bottom. */
typedef struct {
    int32_t at[4];
} Box;

/* Edges of `side` cells of start..stop in 1/256 pixel: int64[side + 1]. Twin: _edges in area.py. */
void area_edges(double start, double stop, int64_t side, int64_t length, int64_t *edges);

/* Exact sums of level * area: int64[side, side, channels]. 0: no memory. */
int area_cells(const Pixels *pixels, const int64_t *edges_x, const int64_t *edges_y, int64_t side, int64_t *out);

/* The inside of a border of one color, all of the frame when there is none. 0: no memory. */
int border_find(const Pixels *pixels, Box *box);

#endif
