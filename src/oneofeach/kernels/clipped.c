/* Planes without what the other one lost at white or black. Twin: clipped_numpy.py. */
#include "verify.h"

static const double SATURATED = 254.0, LEAST_SATURATED = 32.0, LEAST_GAIN = 0.25, LEAST_CLEAR = 100.0;

/* A plane within the levels that the other one shows as more than black and less than white: they are those of the
 * straight line that leads from its levels to the other's, where neither is clipped. Returns whether that changed it. */
FOR_EVERY_CPU
int limit_levels(const double *plane, const double *other, double *out)
{
    double clear[AREA], x[AREA], y[AREA], white = 0.0, black = 0.0;
    int changed = 0;
    memcpy(out, plane, sizeof clear);
    for (int i = 0; i < AREA; i++) white += other[i] >= SATURATED, black += other[i] <= 255.0 - SATURATED;
    if (white < LEAST_SATURATED && black < LEAST_SATURATED) return 0;
    for (int i = 0; i < AREA; i++) {
        clear[i] = (fabs(other[i] - 127.5) < SATURATED - 127.5) & (fabs(plane[i] - 127.5) < SATURATED - 127.5);
        x[i] = plane[i] * clear[i], y[i] = other[i] * clear[i];
    }
    const double n = most(total(clear, SIDE), 1.0), mean = total(x, SIDE) / n, onto = total(y, SIDE) / n;
    const double variance = total_product(plane, x, SIDE) / n - mean * mean;
    const double gain = (total_product(plane, y, SIDE) / n - mean * onto) / most(variance, 1.0);
    if (!(gain > LEAST_GAIN && n > LEAST_CLEAR)) return 0;
    const double high = white >= LEAST_SATURATED ? mean + (255.0 - onto) / gain : 255.0;
    const double low = black >= LEAST_SATURATED ? mean - onto / gain : 0.0;
    for (int i = 0; i < AREA; i++) {
        out[i] = least(most(plane[i], low), high);
        changed |= out[i] != plane[i];
    }
    return changed;
}
