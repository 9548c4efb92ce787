/* Planes without what the other one lost at white or black. Twin: clipped_numpy.py. */
#include "verify.h"

static const double SATURATED = 254.0, LEAST_SATURATED = 32.0, LEAST_GAIN = 0.25, LEAST_CLEAR = 100.0;
static const double BLENDED = 32.0, APART = 3.0, MOST_STAYED = 0.25;

/* Mark the pixels of a plane that the other one shows at an end of the scale, where nearly all that were as near to it
 * went there, and the line between their levels leads there too. reach: how far from that end it begins. */
FOR_EVERY_CPU
static int find_lost(const double *plane, const double *other, double end, double reach, double gain, double *lost)
{
    double gone[AREA], farthest = 0.0, moved = 0.0, stayed = 0.0;
    for (int i = 0; i < AREA; i++) {
        const double off = fabs(plane[i] - end);
        gone[i] = (off <= reach + BLENDED) & (fabs(other[i] - end) <= 255.0 - SATURATED);
        farthest = most(farthest, gone[i] * off);
        moved += gone[i] * (off > APART);
    }
    for (int i = 0; i < AREA; i++)
        stayed += (fabs(plane[i] - end) <= farthest) & (fabs(other[i] - end) > APART);
    if (moved < LEAST_SATURATED || stayed > MOST_STAYED * moved) return 0;
    if (farthest - gain * (farthest - reach) < APART) return 0;
    for (int i = 0; i < AREA; i++) lost[i] = most(lost[i], gone[i]);
    return 1;
}

/* A plane within the levels that the other one shows as more than black and less than white: they are those of the
 * straight line that leads from its levels to the other's, where neither is clipped. Averages of bright ground and of
 * what is on it draw that line too far out: pixels that went white or black together are marked. */
FOR_EVERY_CPU
int limit_levels(const double *plane, const double *other, double *out, double *lost)
{
    double clear[AREA], x[AREA], y[AREA], white = 0.0, black = 0.0;
    int changed = 0;
    memcpy(out, plane, sizeof clear);
    memset(lost, 0, sizeof clear);
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
    if (white >= LEAST_SATURATED) changed |= find_lost(plane, other, 255.0, 255.0 - high, gain, lost);
    if (black >= LEAST_SATURATED) changed |= find_lost(plane, other, 0.0, low, gain, lost);
    for (int i = 0; i < AREA; i++) {
        out[i] = least(most(plane[i], low), high);
        changed |= out[i] != plane[i];
    }
    return changed;
}
