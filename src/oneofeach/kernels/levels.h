/* float32 values 0..1 → levels 0..255. */
#ifndef ONEOFEACH_LEVELS_H
#define ONEOFEACH_LEVELS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    ptrdiff_t rows, columns, channels, stride_y, stride_x, stride_c;
} Shape;

/* What lies beyond 0..1: the lowest value (0 at most), the highest (1 at least), and whether some are NaN. */
typedef struct {
    float low, high;
    int nan;
} Spread;

/* Values of any strides as tight levels uint8[rows, columns, channels]. */
Spread levels_of(const char *in, const Shape *shape, uint8_t *out);

#endif
