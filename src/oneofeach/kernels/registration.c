/* The affine map that lays one 32 x 32 luma plane over another, found coarse to fine by Gauss-Newton steps with free
 * gain and offset. Twin: registration_numpy.py. */
#include "verify.h"

enum { COARSE_STEPS = 6, FINE_STEPS = 4, UNKNOWNS = 8, OVERLAP_SIDE = 48 };
static const double LIMITS[6] = {0.4, 0.25, 0.35, 0.25, 0.4, 0.35}; /* how far a map may go from the identity */
static const double IDENTITY[6] = {1, 0, 0, 0, 1, 0};
static const double LONGEST_STEP = 0.15, LEAST_INSIDE = 0.4, DAMPING = 0.025, NOISE = 12.0;

typedef struct {
    double value[AREA], slope_x[AREA], slope_y[AREA], inside[AREA];
} Sampled;

/* Where pixel centers fall: the pixel above and left of each in a plane of `width`, and fractions. */
typedef struct {
    int from[AREA];
    double down[AREA], across[AREA], inside[AREA];
} Places;

FOR_EVERY_CPU
static void find_places(const double *affine, int side, int width, Places *out)
{
    const double half = side / 2.0;
    double centers[SIDE];
    for (int i = 0; i < side; i++) centers[i] = center(i, side);
    for (int j = 0; j < side; j++)
        for (int i = 0; i < side; i++) {
            const Point to = mapped(affine, centers[i], centers[j]);
            const double column = clip((to.x + 1) * half - 0.5, 0.0, side - 1.0);
            const double row = clip((to.y + 1) * half - 0.5, 0.0, side - 1.0);
            const int q = (int)column < side - 2 ? (int)column : side - 2;
            const int r = (int)row < side - 2 ? (int)row : side - 2;
            const int n = j * side + i;
            out->from[n] = r * width + q;
            out->across[n] = column - q;
            out->down[n] = row - r;
            out->inside[n] = in_frame(to);
        }
}

/* Central differences per unit of [-1, 1]: unlike those of a bilinear sample they are the same from both sides of a
 * pixel, so that planes which are both turned get the turned map. */
static void slopes(const double *plane, int side, double *across, double *down)
{
    for (int j = 0; j < side; j++)
        for (int i = 0; i < side; i++) {
            const int left = i ? i - 1 : 0, right = i < side - 1 ? i + 1 : i;
            const int above = j ? j - 1 : 0, below = j < side - 1 ? j + 1 : j;
            across[j * side + i] = (plane[j * side + right] - plane[j * side + left]) * (side / 2.0) / (right - left);
            down[j * side + i] = (plane[below * side + i] - plane[above * side + i]) * (side / 2.0) / (below - above);
        }
}

static inline double bilinear(const double *from, int side, double across, double down)
{
    const double top = from[0] + (from[1] - from[0]) * across;
    const double bottom = from[side] + (from[side + 1] - from[side]) * across;
    return top + (bottom - top) * down;
}

/* Bilinear samples of a plane and of its slopes at mapped pixel centers. */
static void sample(const double *const planes[3], int side, const double *affine, Sampled *out)
{
    Places at;
    find_places(affine, side, side, &at);
    for (int n = 0; n < side * side; n++) {
        out->value[n] = bilinear(planes[0] + at.from[n], side, at.across[n], at.down[n]);
        out->slope_x[n] = bilinear(planes[1] + at.from[n], side, at.across[n], at.down[n]);
        out->slope_y[n] = bilinear(planes[2] + at.from[n], side, at.across[n], at.down[n]);
    }
    memcpy(out->inside, at.inside, sizeof(double) * (size_t)(side * side));
}

static void cubic(double f, double *weights)
{
    weights[0] = ((-0.5 * f + 1.0) * f - 0.5) * f;
    weights[1] = (1.5 * f - 2.5) * f * f + 1.0;
    weights[2] = ((-1.5 * f + 2.0) * f + 0.5) * f;
    weights[3] = (0.5 * f - 0.5) * f * f;
}

int warp(const double *plane, int side, const double *affine, double *out, double *inside)
{
    double wide[(SIDE + 2) * (SIDE + 2)];
    Places at;
    const int width = side + 2;
    int count = 0;
    for (int y = 0; y < width; y++)
        for (int x = 0; x < width; x++) {
            const int row = y < 1 ? 0 : y > side ? side - 1 : y - 1, column = x < 1 ? 0 : x > side ? side - 1 : x - 1;
            wide[y * width + x] = plane[row * side + column];
        }
    find_places(affine, side, width, &at);
    for (int n = 0; n < side * side; n++) {
        double across[4], down[4], sum = 0.0;
        cubic(at.across[n], across);
        cubic(at.down[n], down);
        for (int k = 0; k < 4; k++) {
            const double *row = wide + at.from[n] + k * width;
            double line = 0.0;
            for (int c = 0; c < 4; c++) line += across[c] * row[c];
            sum += down[k] * line;
        }
        out[n] = sum;
        inside[n] = at.inside[n];
        count += inside[n] > 0;
    }
    return count;
}

/* x of matrix * x = right, by elimination with pivoting, in place; 0 when singular. */
static int solve(double matrix[UNKNOWNS][UNKNOWNS], double *right)
{
    for (int i = 0; i < UNKNOWNS; i++) {
        int pivot = i;
        for (int k = i + 1; k < UNKNOWNS; k++)
            if (fabs(matrix[k][i]) > fabs(matrix[pivot][i])) pivot = k;
        if (fabs(matrix[pivot][i]) < 1e-12) return 0;
        for (int k = 0; k < UNKNOWNS; k++) {
            const double kept = matrix[i][k];
            matrix[i][k] = matrix[pivot][k];
            matrix[pivot][k] = kept;
        }
        const double kept = right[i];
        right[i] = right[pivot];
        right[pivot] = kept;
        for (int k = i + 1; k < UNKNOWNS; k++) {
            const double factor = matrix[k][i] / matrix[i][i];
            for (int n = i; n < UNKNOWNS; n++) matrix[k][n] -= factor * matrix[i][n];
            right[k] -= factor * right[i];
        }
    }
    for (int i = UNKNOWNS - 1; i >= 0; i--) {
        for (int k = i + 1; k < UNKNOWNS; k++) right[i] -= matrix[i][k] * right[k];
        right[i] /= matrix[i][i];
    }
    return 1;
}

/* Gain and offset that bring the samples closest to a. */
FOR_EVERY_CPU
static void tone(const double *a, const Sampled *seen, int side, double count, double *gain, double *offset)
{
    double sa[SIDE] = {0}, sb[SIDE] = {0}, sab[SIDE] = {0}, sbb[SIDE] = {0};
    for (int j = 0; j < side; j++)
        for (int i = 0; i < side; i++) {
            const double x = a[j * side + i], y = seen->value[j * side + i], m = seen->inside[j * side + i];
            sa[i] += x * m;
            sb[i] += y * m;
            sab[i] += x * y * m;
            sbb[i] += y * y * m;
        }
    const double mean_a = fold(sa, side) / count, mean_b = fold(sb, side) / count;
    const double cross = fold(sab, side) / count, square = fold(sbb, side) / count;
    *gain = clip((cross - mean_a * mean_b) / (square - mean_b * mean_b + 1e-06), 0.2, 5.0);
    *offset = mean_a - *gain * mean_b;
}

/* The normal equations of one step: weighted sums of the products of the slopes. */
FOR_EVERY_CPU
static void normal_equations(const double *a, const Sampled *seen, int side, double gain, double offset,
                             double matrix[UNKNOWNS][UNKNOWNS], double *right)
{
    double sums[UNKNOWNS][UNKNOWNS + 1][SIDE] = {{{0}}};
    for (int j = 0; j < side; j++) {
        double factors[UNKNOWNS][SIDE], weight[SIDE], error[SIDE];
        const double y = center(j, side);
        for (int i = 0; i < side; i++) {
            const int n = j * side + i;
            const double x = center(i, side), gx = gain * seen->slope_x[n], gy = gain * seen->slope_y[n];
            error[i] = a[n] - gain * seen->value[n] - offset;
            weight[i] = seen->inside[n] / (1.0 + fabs(error[i]) / NOISE);
            factors[0][i] = gx * x, factors[1][i] = gx * y, factors[2][i] = gx;
            factors[3][i] = gy * x, factors[4][i] = gy * y, factors[5][i] = gy;
            factors[6][i] = seen->value[n], factors[7][i] = 1.0;
        }
        for (int k = 0; k < UNKNOWNS; k++) {
            double weighted[SIDE];
            for (int i = 0; i < side; i++) weighted[i] = weight[i] * factors[k][i];
            for (int n = k; n < UNKNOWNS; n++)
                for (int i = 0; i < side; i++) sums[k][n][i] += weighted[i] * factors[n][i];
            for (int i = 0; i < side; i++) sums[k][UNKNOWNS][i] += weighted[i] * error[i];
        }
    }
    for (int k = 0; k < UNKNOWNS; k++) {
        right[k] = fold(sums[k][UNKNOWNS], side);
        for (int n = k; n < UNKNOWNS; n++) matrix[k][n] = matrix[n][k] = fold(sums[k][n], side);
    }
}

static int step(const double *a, const double *const b[3], int side, double *affine)
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
    double across[AREA], down[AREA];
    const double *const planes[3] = {b, across, down};
    slopes(b, side, across, down);
    for (int n = 0; n < steps; n++)
        if (!step(a, planes, side, affine)) return 0;
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
