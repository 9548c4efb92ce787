/* Planes of int16: resampling with transposition, and the variance of the Laplacian. Twin: sharpness.py. */
#ifndef ONEOFEACH_RESAMPLE_H
#define ONEOFEACH_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

enum { TOGETHER = 8 }; /* rows resampled at once */

/* Weights int16[grid, taps] of 1/4096, none below 0, and the row that each line of them begins with. */
typedef struct {
    ptrdiff_t taps;
    const int32_t *start;
    const int16_t *weight;
} Filter;

/* Rows of values 0..4095 resampled to `grid` rows (a multiple of TOGETHER), and transposed: int16[columns, grid].
 * room: int16[TOGETHER, columns]. */
void resample(const int16_t *in, ptrdiff_t columns, ptrdiff_t grid, const Filter *by, int16_t *room, int16_t *out);

/* n² times the variance of the Laplacian of a plane int16[side, side] over its n inner points. */
double laplacian_variance(const int16_t *plane, ptrdiff_t side);

#endif
