/* The parts of the registration: what a map shows of a plane, and the equations of one step. */
#ifndef ONEOFEACH_REGISTRATION_H
#define ONEOFEACH_REGISTRATION_H

#include "verify.h"

enum { UNKNOWNS = 8 };

/* Per pixel its value, its slopes along x and y per unit of [-1, 1], and nothing: four that are sampled at once. */
typedef struct {
    double at[AREA][4];
} Sloped;

typedef struct {
    double value[AREA], slope_x[AREA], slope_y[AREA], inside[AREA];
} Sampled;

void find_slopes(const double *plane, int side, Sloped *out);
/* Bilinear samples of a plane and of its slopes at mapped pixel centers. */
void sample(const Sloped *plane, int side, const double *affine, Sampled *out);
/* Gain and offset that bring the samples closest to a. */
void tone(const double *a, const Sampled *seen, int side, double count, double *gain, double *offset);
/* The normal equations of one step: weighted sums of the products of the slopes. */
void normal_equations(const double *a, const Sampled *seen, int side, double gain, double offset,
                      double matrix[UNKNOWNS][UNKNOWNS], double *right);
/* x of matrix * x = right, by elimination with pivoting, in place; 0 when singular. */
int solve(double matrix[UNKNOWNS][UNKNOWNS], double *right);

#endif
