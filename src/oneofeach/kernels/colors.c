/* Do the colors of two 8 x 8 planes agree, window by window? Twin: colors_numpy.py, which tells the rules. */
#include "verify.h"

static const double GRAY = 3.5, TONED = 2.5, STRONGEST_TONE = 40.0, GAMUT = 4.0, HUE = 0.7;
static const double EVEN = 0.998, EVEN_CAP = 0.96, ROUNDED = 0.25;
static const double CAST_CAP[4][2] = {{6.0, 1.0}, {12.0, 0.97}, {24.0, 0.95}, {48.0, 0.8}};
static const double TO_RGB[3][2] = {{0.0, 1.402}, {-0.344136, -0.714136}, {1.772, 0.0}};

typedef struct {
    const double *luma, (*chroma)[CELL_AREA];
    double strength, beside; /* root mean squares: of the chroma; of what is no multiple of the luma */
} Side;

typedef struct {
    double x, y, xx, xy; /* means, variance of x, covariance */
} Moments;

typedef struct {
    double chroma[2][CELL_AREA];
    double cast; /* how much that changed */
    int even;    /* every channel of one is that of the other on another scale */
} Balanced;

/* Mean of x * y over the cells inside. */
static double mean_product(const double *x, const double *y, const double *inside, double count)
{
    double products[CELL_AREA];
    for (int i = 0; i < CELL_AREA; i++) products[i] = x[i] * y[i] * inside[i];
    return total(products, CELLS) / count;
}

static Moments moments(const double *x, const double *y, const double *inside, double count)
{
    Moments m;
    m.x = total_product(x, inside, CELLS) / count;
    m.y = total_product(y, inside, CELLS) / count;
    m.xx = mean_product(x, x, inside, count) - m.x * m.x;
    m.xy = mean_product(x, y, inside, count) - m.x * m.y;
    return m;
}

static double strength(const double (*chroma)[CELL_AREA], const double *inside, double count)
{
    double squares[CELL_AREA];
    for (int i = 0; i < CELL_AREA; i++)
        squares[i] = (chroma[0][i] * chroma[0][i] + chroma[1][i] * chroma[1][i]) * inside[i];
    return sqrt(total(squares, CELLS) / count);
}

static double beside_tone(const Side *s, const double *inside, double count)
{
    const double square = mean_product(s->luma, s->luma, inside, count) + 1.0;
    double rest = 0.0;
    for (int k = 0; k < 2; k++) {
        const double cross = mean_product(s->luma, s->chroma[k], inside, count);
        rest += most(mean_product(s->chroma[k], s->chroma[k], inside, count) - cross * cross / square, 0.0);
    }
    return sqrt(rest);
}

static double ratio(double a, double b) { return a > 0 && b > 0 ? clip(a / b, 0.25, 4.0) : 1.0; }

/* Agreement of the windows' mean colors, strengths set equal. Returns their sum. */
static double agreeing(const double (*a)[CELL_AREA], const double (*b)[CELL_AREA], const double *inside, double scale,
                       double tolerance, double *out)
{
    double counts[WINDOWS], sums[4][WINDOWS], sum = 0.0;
    const double r = sqrt(scale);
    windows(inside, counts);
    for (int k = 0; k < 2; k++) {
        double masked[CELL_AREA];
        for (int i = 0; i < CELL_AREA; i++) masked[i] = a[k][i] * inside[i];
        windows(masked, sums[k]);
        for (int i = 0; i < CELL_AREA; i++) masked[i] = b[k][i] * inside[i];
        windows(masked, sums[2 + k]);
    }
    for (int i = 0; i < WINDOWS; i++) {
        const double n = most(counts[i], 1.0);
        const double a0 = sums[0][i] / n / r, a1 = sums[1][i] / n / r, b0 = sums[2][i] / n * r, b1 = sums[3][i] / n * r;
        const double apart = sqrt((a0 - b0) * (a0 - b0) + (a1 - b1) * (a1 - b1));
        const double stronger = sqrt(most(a0 * a0 + a1 * a1, b0 * b0 + b1 * b1));
        out[i] = counts[i] > 0 ? clip(2.0 - apart / (tolerance + 0.4 * stronger), 0.0, 1.0) : 1.0;
        sum += out[i];
    }
    return sum;
}

static double hue(const double (*a)[CELL_AREA], const double (*b)[CELL_AREA], const double *inside, double count)
{
    double aa = 1e-6, bb = 1e-6, ab = 0.0;
    for (int k = 0; k < 2; k++) {
        const Moments m = moments(a[k], b[k], inside, count);
        aa += m.xx;
        ab += m.xy;
        bb += mean_product(b[k], b[k], inside, count) - m.y * m.y;
    }
    return ab / sqrt(aa * bb);
}

/* Chroma of a after the gains and offsets of its channels that bring it closest to b. */
static void balance(const Side *a, const Side *b, const double *inside, double count, Balanced *out)
{
    double x[3][CELL_AREA], y[CELL_AREA], change[2][CELL_AREA];
    Moments m[3];
    out->even = 1;
    const Moments luma = moments(a->luma, b->luma, inside, count);
    const double common = clip((luma.xy + 25.0) / (luma.xx + 25.0), 0.3, 3.0);
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < CELL_AREA; i++) {
            x[c][i] = a->luma[i] + TO_RGB[c][0] * a->chroma[0][i] + TO_RGB[c][1] * a->chroma[1][i];
            y[i] = b->luma[i] + TO_RGB[c][0] * b->chroma[0][i] + TO_RGB[c][1] * b->chroma[1][i];
        }
        m[c] = moments(x[c], y, inside, count);
        const double yy = mean_product(y, y, inside, count) - m[c].y * m[c].y;
        out->even = out->even && m[c].xy >= EVEN * sqrt(most(m[c].xx * yy, 0.0)) + ROUNDED;
    }
    for (int c = 0; c < 3; c++) {
        const double near = clip((m[c].xy + 400.0 * common) / (m[c].xx + 400.0), 0.7 * common, 1.4 * common);
        const double gain = out->even ? m[c].xy / most(m[c].xx, 1.0) : near;
        for (int i = 0; i < CELL_AREA; i++) x[c][i] = gain * (x[c][i] - m[c].x) + m[c].y;
    }
    for (int i = 0; i < CELL_AREA; i++) {
        out->chroma[0][i] = -0.168736 * x[0][i] - 0.331264 * x[1][i] + 0.5 * x[2][i];
        out->chroma[1][i] = 0.5 * x[0][i] - 0.418688 * x[1][i] - 0.081312 * x[2][i];
        for (int k = 0; k < 2; k++) change[k][i] = out->chroma[k][i] - common * a->chroma[k][i];
    }
    out->cast = strength(change, inside, count);
}

void compare_colors(const double *luma_a, const double (*chroma_a)[CELL_AREA], const double *luma_b,
                    const double (*chroma_b)[CELL_AREA], const double *inside, double contrast, int structured,
                    Colors *out)
{
    const double count = most(total(inside, CELLS), 1.0), tolerance = 4.0 + least(6.0, contrast / 2.0);
    Side a = {luma_a, chroma_a, 0, 0}, b = {luma_b, chroma_b, 0, 0};
    double again[WINDOWS], sum = 0.0;
    Balanced balanced;
    a.strength = strength(chroma_a, inside, count), b.strength = strength(chroma_b, inside, count);
    a.beside = beside_tone(&a, inside, count), b.beside = beside_tone(&b, inside, count);
    out->strength = most(a.strength, b.strength);
    out->plain = least(a.strength, b.strength) < GRAY && structured;
    out->toned = least(a.beside, b.beside) < TONED && most(a.beside, b.beside) > 2.0 * TONED && structured &&
                 !out->plain && (a.beside < b.beside ? a.strength : b.strength) < STRONGEST_TONE;
    const double direct = agreeing(chroma_a, chroma_b, inside, ratio(a.strength, b.strength), tolerance, out->agree);
    if (!(least(a.beside, b.beside) > GAMUT)) return;
    balance(&a, &b, inside, count, &balanced);
    if (!balanced.even && !(hue(chroma_a, chroma_b, inside, count) > HUE)) return;
    const double cast = most(curve(balanced.cast, CAST_CAP, 4), balanced.even ? EVEN_CAP : 0.0);
    const double scale = ratio(strength(balanced.chroma, inside, count), b.strength);
    agreeing(balanced.chroma, chroma_b, inside, scale, tolerance, again);
    for (int i = 0; i < WINDOWS; i++) {
        again[i] = least(again[i], cast);
        sum += again[i];
    }
    if (sum > direct) memcpy(out->agree, again, sizeof again);
}
