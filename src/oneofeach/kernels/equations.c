/* One Gauss-Newton step with free gain and offset: its normal equations and their solution.
 * Twin: registration_numpy.py. */
#include "registration.h"

enum { ROWS = 4 }; /* at once, so that a sum is read and written once for all of them */
static const double NOISE = 12.0;

typedef struct {
    double factors[UNKNOWNS + 1][ROWS][SIDE], weight[ROWS][SIDE]; /* the last factor is the error */
} Terms;

FOR_EVERY_CPU
void tone(const double *a, const Sampled *seen, int side, double count, double *gain, double *offset)
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

/* What the pixels of some rows add to the sums, and with which weight. */
INLINED void find_terms(const double *a, const Sampled *seen, int side, int top, double gain, double offset, Terms *out)
{
    for (int r = 0; r < ROWS; r++) {
        const int row = (top + r) * side;
        const double y = center(top + r, side);
        const double *target = a + row, *value = seen->value + row, *inside = seen->inside + row;
        const double *slope_x = seen->slope_x + row, *slope_y = seen->slope_y + row;
        double error[SIDE], gx[SIDE], gy[SIDE];
        for (int i = 0; i < side; i++) error[i] = target[i] - gain * value[i] - offset;
        for (int i = 0; i < side; i++) out->weight[r][i] = inside[i] / (1.0 + fabs(error[i]) / NOISE);
        for (int i = 0; i < side; i++) gx[i] = gain * slope_x[i], gy[i] = gain * slope_y[i];
        for (int i = 0; i < side; i++) {
            const double x = center(i, side);
            out->factors[0][r][i] = gx[i] * x, out->factors[1][r][i] = gx[i] * y, out->factors[2][r][i] = gx[i];
            out->factors[3][r][i] = gy[i] * x, out->factors[4][r][i] = gy[i] * y, out->factors[5][r][i] = gy[i];
        }
        for (int i = 0; i < side; i++)
            out->factors[6][r][i] = value[i], out->factors[7][r][i] = 1.0, out->factors[8][r][i] = error[i];
    }
}

FOR_EVERY_CPU
void normal_equations(const double *a, const Sampled *seen, int side, double gain, double offset,
                      double matrix[UNKNOWNS][UNKNOWNS], double *right)
{
    double sums[UNKNOWNS][UNKNOWNS + 1][SIDE];
    memset(sums, 0, sizeof sums);
    for (int top = 0; top < side; top += ROWS) {
        Terms terms;
        find_terms(a, seen, side, top, gain, offset, &terms);
        for (int k = 0; k < UNKNOWNS; k++) {
            double weighted[ROWS][SIDE];
            for (int r = 0; r < ROWS; r++)
                for (int i = 0; i < side; i++) weighted[r][i] = terms.weight[r][i] * terms.factors[k][r][i];
            for (int n = k; n <= UNKNOWNS; n++)
                for (int i = 0; i < side; i++) {
                    double sum = sums[k][n][i];
                    for (int r = 0; r < ROWS; r++) sum += weighted[r][i] * terms.factors[n][r][i];
                    sums[k][n][i] = sum;
                }
        }
    }
    for (int k = 0; k < UNKNOWNS; k++) {
        right[k] = fold(sums[k][UNKNOWNS], side);
        for (int n = k; n < UNKNOWNS; n++) matrix[k][n] = matrix[n][k] = fold(sums[k][n], side);
    }
}

int solve(double matrix[UNKNOWNS][UNKNOWNS], double *right)
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
