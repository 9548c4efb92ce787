/* The parts of the verification; each has its own source and its own NumPy twin. */
#ifndef ONEOFEACH_VERIFY_H
#define ONEOFEACH_VERIFY_H

#include "planes.h"

typedef struct {
    double luma[AREA], chroma[2][CELL_AREA];
} Planes;

typedef struct {
    double agree[WINDOWS]; /* 0..1 */
    double strength;       /* chroma of the more colorful one */
    int plain, toned;      /* one is gray; one is evenly toned, the other is not */
} Colors;

/* The affine map from the frame of a to that of b, both [-1, 1] x [-1, 1]; 0 when none was found. */
int find_map(const double *a, const double *b, double *affine);
double frame_overlap(const double *affine);
double displacement(const double *affine);
/* Cubic samples of a side x side plane at mapped pixel centers; inside: which lie in the frame. Returns how many. */
int warp(const double *plane, int side, const double *affine, double *out, double *inside);
void compare_colors(const double *luma_a, const double (*a)[CELL_AREA], const double *luma_b,
                    const double (*b)[CELL_AREA], const double *inside, double contrast, Colors *out);

#endif
