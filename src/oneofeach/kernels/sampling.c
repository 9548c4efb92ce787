/* What an affine map shows of a plane. Twin: planes_numpy.py. */
#include "registration.h"

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

/* Central differences: unlike the slopes of a bilinear sample they are the same from both sides of a pixel, so that
 * planes which are both turned get the turned map. */
void find_slopes(const double *plane, int side, Sloped *out)
{
    const double both = side / 4.0, one = side / 2.0;
    for (int j = 0; j < side; j++)
        for (int i = 0; i < side; i++) {
            const int left = i ? i - 1 : 0, right = i < side - 1 ? i + 1 : i;
            const int above = j ? j - 1 : 0, below = j < side - 1 ? j + 1 : j, n = j * side + i;
            out->at[n][0] = plane[n];
            out->at[n][1] = (plane[j * side + right] - plane[j * side + left]) * (right - left == 2 ? both : one);
            out->at[n][2] = (plane[below * side + i] - plane[above * side + i]) * (below - above == 2 ? both : one);
            out->at[n][3] = 0.0;
        }
}

FOR_EVERY_CPU
void sample(const Sloped *plane, int side, const double *affine, Sampled *out)
{
    Places at;
    Sloped seen;
    find_places(affine, side, side, &at);
    for (int n = 0; n < side * side; n++) {
        const double *above = plane->at[at.from[n]], *below = plane->at[at.from[n] + side];
        const double across = at.across[n], down = at.down[n];
        for (int k = 0; k < 4; k++) {
            const double top = above[k] + (above[4 + k] - above[k]) * across;
            const double bottom = below[k] + (below[4 + k] - below[k]) * across;
            seen.at[n][k] = top + (bottom - top) * down;
        }
    }
    for (int n = 0; n < side * side; n++)
        out->value[n] = seen.at[n][0], out->slope_x[n] = seen.at[n][1], out->slope_y[n] = seen.at[n][2];
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
