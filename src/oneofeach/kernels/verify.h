/* The parts of the verification; each has its own source and its own NumPy twin. */
#ifndef ONEOFEACH_VERIFY_H
#define ONEOFEACH_VERIFY_H

#include "planes.h"

enum { FLAT = 6 }; /* contrast below which there is nothing to register */

typedef struct {
    double luma[AREA], chroma[2][CELL_AREA];
} Planes;

typedef struct {
    double agree[WINDOWS]; /* 0..1 */
    double strength;       /* chroma of the more colorful one */
    int plain, toned;      /* one is gray; one is evenly toned, the other is not */
} Colors;

typedef enum { SAME, RESAMPLED, LOST } Detail; /* what one of two planes has of the other's */

typedef struct {
    double value, color, overlap, affine[6], contrast; /* of the flatter one */
    int place;                                         /* the window that agrees least */
    Detail detail;                                     /* how to compare them again */
} Verified;

/* Compare planes that lie on each other, smoothed where one of them has less detail. lost: the pixels of either that
 * the other one shows as white or black, 0 or 1; NULL where none are. */
void score(const Planes *a, const Planes *b, const double *mask, const double *cells, Detail detail,
           const double (*lost)[AREA], Verified *out);
/* A plane within the levels that the other one shows as more than black and less than white, and which of its pixels
 * that one lost; whether there is any difference. */
int limit_levels(const double *plane, const double *other, double *out, double *lost);
/* The affine map from the frame of a to that of b, both [-1, 1] x [-1, 1]; 0 when none was found. */
int find_map(const double *a, const double *b, double *affine);
double frame_overlap(const double *affine);
double displacement(const double *affine);
/* Cubic samples of a side x side plane at mapped pixel centers; inside: which lie in the frame. Returns how many. */
int warp(const double *plane, int side, const double *affine, double *out, double *inside);
void compare_colors(const double *luma_a, const double (*a)[CELL_AREA], const double *luma_b,
                    const double (*b)[CELL_AREA], const double *inside, double contrast, int structured, Colors *out);

#endif
