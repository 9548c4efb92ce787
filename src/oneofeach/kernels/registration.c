/* The affine map that lays one 32 x 32 luma plane over another, found coarse to fine by Gauss-Newton steps with free
 * gain and offset. Twin: registration_numpy.py. */
#include "registration.h"

enum { COARSE_STEPS = 6, FINE_STEPS = 4, OVERLAP_SIDE = 48 };
static const double LIMITS[6] = {0.4, 0.25, 0.35, 0.25, 0.4, 0.35}; /* how far a map may go from the identity */
static const double IDENTITY[6] = {1, 0, 0, 0, 1, 0};
static const double LONGEST_STEP = 0.15, LEAST_INSIDE = 0.4, DAMPING = 0.025;

static int step(const double *a, const Sloped *b, int side, double *affine)
{
    static const double none = 0.0;
    Sampled seen;
    double matrix[UNKNOWNS][UNKNOWNS], right[UNKNOWNS], gain, offset;
    sample(b, side, affine, &seen);
    const double count = total(seen.inside, side);
    if (count < LEAST_INSIDE * (side * side)) return 0;
    tone(a, &seen, side, count, &gain, &offset);
    normal_equations(a, &seen, side, gain, offset, matrix, right);
    for (int k = 0; k < UNKNOWNS; k++) {
        matrix[k][k] *= 1.001;
        matrix[k][k] += k < 6 ? DAMPING * count : none;
    }
    if (!solve(matrix, right)) return 0;
    for (int k = 0; k < 6; k++) {
        const double moved = affine[k] + clip(right[k], -LONGEST_STEP, LONGEST_STEP);
        if (!(fabs(moved - IDENTITY[k]) <= LIMITS[k])) return 0;
        affine[k] = moved;
    }
    return 1;
}

static int descend(const double *a, const double *b, int side, int steps, double *affine)
{
    Sloped plane;
    find_slopes(b, side, &plane);
    for (int n = 0; n < steps; n++)
        if (!step(a, &plane, side, affine)) return 0;
    return 1;
}

int find_map(const double *a, const double *b, double *affine)
{
    double small_a[AREA / 4], small_b[AREA / 4], soft_a[AREA], soft_b[AREA];
    shrink(a, SIDE, 2, small_a);
    shrink(b, SIDE, 2, small_b);
    memcpy(affine, IDENTITY, sizeof IDENTITY);
    if (!descend(small_a, small_b, SIDE / 2, COARSE_STEPS, affine)) memcpy(affine, IDENTITY, sizeof IDENTITY);
    smooth(a, soft_a);
    smooth(b, soft_b);
    return descend(soft_a, soft_b, SIDE, FINE_STEPS, affine);
}

FOR_EVERY_CPU
static int count_inside(const double *affine)
{
    double centers[OVERLAP_SIDE];
    int count = 0;
    for (int i = 0; i < OVERLAP_SIDE; i++) centers[i] = center(i, OVERLAP_SIDE);
    for (int j = 0; j < OVERLAP_SIDE; j++)
        for (int i = 0; i < OVERLAP_SIDE; i++) count += in_frame(mapped(affine, centers[i], centers[j]));
    return count;
}

/* Intersection over union of the frame and its image. */
double frame_overlap(const double *affine)
{
    const double inside = count_inside(affine) / (double)(OVERLAP_SIDE * OVERLAP_SIDE);
    const double area = fabs(affine[0] * affine[4] - affine[1] * affine[3]);
    return inside / (1.0 + 1.0 / area - inside);
}

/* The longest way along one axis, in pixels, that a corner of the frame moves. */
double displacement(const double *affine)
{
    double longest = 0.0;
    for (double y = -1; y <= 1; y += 2)
        for (double x = -1; x <= 1; x += 2) {
            const Point to = mapped(affine, x, y);
            longest = most(longest, most(fabs(to.x - x), fabs(to.y - y)));
        }
    return SIDE / 2 * longest;
}
