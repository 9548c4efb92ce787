/* How alike two pairs of planes are that lie on each other: structure, color, worst window, brightness.
 * Twin: score_numpy.py, which tells what the constants mean. */
#include "verify.h"

static const double WORST_CAP[5][2] = {{-1.4, 0.65}, {0.2, 0.85}, {0.6, 0.90}, {0.92, 0.95}, {1.0, 1.0}};
static const double GRAY_CAP = 0.97, TONED_CAP = 0.955, FULL_WINDOW = 60.0, DETAIL_LOST = 0.9, TEXTURED = 0.1;
static const double EDITED = 0.4, EXACT = 1e-4, ROUNDING = 1.0 / 6.0, CHANCE = 0.1, KNOWN = 0.5, SAMPLED = 0.85;
static const double EVERYWHERE = 0.5;

typedef struct {
    double mean, variance, detail;
} Plane;

typedef struct {
    double aa[AREA], bb[AREA], ab[AREA], count[AREA], sums[4];
} Products;

static double corner(int window)
{
    const int y = window / POSITIONS, x = window % POSITIONS;
    const int far_y = y % 6 == 0, far_x = x % 6 == 0;
    if (far_y && far_x) return 0.5;
    return (far_y && x % 4 == 1) || (far_x && y % 4 == 1) ? 0.3 : 0.0;
}

/* 0 for two neighbors that are both lost: what was between them, nobody knows. */
static inline double kept(const double (*lost)[AREA], int here, int there)
{
    return lost ? (1.0 - lost[0][here] * lost[0][there]) * (1.0 - lost[1][here] * lost[1][there]) : 1.0;
}

/* Squares and product of the differences of two neighbors, and how many: half, for both get them, so that a mirrored
 * pair gets the same. */
static inline void differ(const double *a, const double *b, const double *m, const double (*lost)[AREA], int here,
                          int there, int n, double terms[4][SIDE + 1])
{
    const double both = m[here] * m[there] * 0.5, known = kept(lost, here, there);
    const double u = (a[there] - a[here]) * known, v = (b[there] - b[here]) * known;
    terms[0][n] = u * u * both, terms[1][n] = v * v * both, terms[2][n] = u * v * both, terms[3][n] = both;
}

/* Per pixel the squares and the product of the gradients, and the number of differences. */
FOR_EVERY_CPU
static void products(const double *a, const double *b, const double *m, const double (*lost)[AREA], Products *p)
{
    double beside[4][SIDE + 1] = {{0}}, above[4][SIDE + 1] = {{0}}, below[4][SIDE + 1] = {{0}};
    double *const out[4] = {p->aa, p->bb, p->ab, p->count};
    for (int y = 0; y < SIDE; y++) {
        const int row = y * SIDE;
        for (int x = 0; x < SIDE - 1; x++) differ(a, b, m, lost, row + x, row + x + 1, x + 1, beside);
        if (y < SIDE - 1)
            for (int x = 0; x < SIDE; x++) differ(a, b, m, lost, row + x, row + x + SIDE, x, below);
        else
            memset(below, 0, sizeof below);
        for (int k = 0; k < 4; k++)
            for (int x = 0; x < SIDE; x++)
                out[k][row + x] = ((beside[k][x] + (x < SIDE - 1 ? beside[k][x + 1] : 0.0)) + above[k][x]) + below[k][x];
        memcpy(above, below, sizeof above);
    }
    for (int k = 0; k < 4; k++) p->sums[k] = total(out[k], SIDE);
}

/* gradients: mean of their squares. Detail is what they are beside the contrast, which no change of tone moves. */
FOR_EVERY_CPU
static Plane plane(const double *luma, const double *m, double count, double gradients)
{
    double columns[SIDE] = {0};
    Plane out;
    out.mean = total_product(luma, m, SIDE) / count;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const int n = y * SIDE + x;
            columns[x] += luma[n] * luma[n] * m[n];
        }
    out.variance = most(fold(columns, SIDE) / count - out.mean * out.mean, 0.0);
    out.detail = (gradients + 0.04) / (out.variance + 4.0);
    return out;
}

/* Correlation of all gradients, damped where there is little to see. */
static double correlation(const Products *p, double n, double floor)
{
    const double aa = p->sums[0] / n, bb = p->sums[1] / n, ab = p->sums[2] / n;
    return (ab + floor) / sqrt((aa + floor) * (bb + floor));
}

/* Correlation of the gradients in each window, damped where there is little to see; and which windows are full. */
static void local_structure(const Products *p, double n, double floor, double *local, int *full)
{
    const double pa = floor + 0.3 * (p->sums[0] / n), pb = floor + 0.3 * (p->sums[1] / n);
    const double *const planes[4] = {p->aa, p->bb, p->ab, p->count};
    double sums[4][WINDOWS], grid[CELL_AREA];
    for (int k = 0; k < 4; k++) {
        blocks(planes[k], SIDE, 4, grid);
        windows(grid, sums[k]);
    }
    for (int i = 0; i < WINDOWS; i++) {
        const double c = most(sums[3][i], 1.0);
        local[i] = (sums[2][i] / c + sqrt(pa * pb)) / sqrt((sums[0][i] / c + pa) * (sums[1][i] / c + pb));
        full[i] = sums[3][i] >= FULL_WINDOW;
    }
}

/* The least agreeing full window, less what all windows lose, and more where they lose nothing; and its place. */
static double worst_window(const double *local, const int *full, int *place)
{
    double ranked[WINDOWS];
    int count = 0;
    *place = 0;
    for (int i = 0; i < WINDOWS; i++) {
        if (!full[i]) continue;
        const double value = local[i] + corner(i) * most(1.0 - local[i], 0.0);
        if (!count || value < ranked[0]) *place = i;
        int at = count++;
        for (; at && ranked[at - 1] > value; at--) ranked[at] = ranked[at - 1];
        ranked[at] = value;
    }
    if (!count) return 1.0;
    const double middle = (ranked[(count - 1) / 2] + ranked[count / 2]) / 2.0;
    const double usual = most(0.0, 1.0 - middle);
    return 1.0 - most(0.0, 1.0 - ranked[0] - 2.0 * usual) * (1.0 + EDITED * most(0.0, 1.0 - usual / EXACT));
}

/* How evenly the windows disagree: one over their number where one alone does, 1 where all do. */
static double spread(const double *local, const int *full)
{
    double sum = 0.0, squares = 0.0, count = 0.0;
    for (int i = 0; i < WINDOWS; i++) {
        const double lost = full[i] ? most(1.0 - local[i], 0.0) : 0.0;
        sum += lost, squares += lost * lost, count += full[i];
    }
    return squares > 0 ? sum * sum / (count * squares) : 0.0;
}

/* Weighted means over the full windows of agreement in structure and color, and in color alone. */
static double share(const double *local, const int *full, const Colors *colors, double *color)
{
    double weights = 0.0, both = 0.0, hues = 0.0;
    for (int i = 0; i < WINDOWS; i++) {
        const int exempt = colors->plain || colors->toned;
        const double weight = full[i] ? 1.0 - corner(i) : 0.0;
        const double structure = clip((local[i] - 0.5) / 0.4, 0.0, 1.0);
        weights += weight;
        both += weight * least(structure, exempt ? 1.0 : colors->agree[i]);
        hues += weight * colors->agree[i];
    }
    *color = weights > 0 ? hues / weights : 1.0;
    return weights > 0 ? both / weights : 1.0;
}

/* How far the means of two planes are apart, beside what their contrast allows. A darker copy of a picture with detail
 * lost contrast in the same measure; flat pictures and gradients are told apart by nothing but their brightness.
 * common: correlation of their gradients beyond rounding. A faint texture that is the same in both tells as much as a
 * strong one. */
static double brightness_apart(const Plane *a, const Plane *b, double common)
{
    const int textured = least(a->detail, b->detail) >= TEXTURED;
    const double known = textured ? FLAT * clip(common / KNOWN, 0.0, 1.0) : 0.0;
    const double contrast = most(sqrt(least(a->variance, b->variance)), known), limit = 8.0 + 5.0 * contrast;
    const double apart = fabs(a->mean - b->mean) / limit;
    if (!textured || contrast < FLAT) return apart;
    const Plane *strong = a->variance > b->variance ? a : b, *weak = strong == a ? b : a;
    const double shrunk = sqrt(weak->variance / (strong->variance > 0 ? strong->variance : 1.0));
    return least(apart, fabs(strong->mean * shrunk - weak->mean) / limit);
}

/* Correlation of the gradients; those that rounding makes count as different. */
static double beyond_rounding(const Products *p, double n)
{
    const double aa = p->sums[0] / n, bb = p->sums[1] / n, ab = p->sums[2] / n;
    return ab / sqrt((aa + ROUNDING) * (bb + ROUNDING));
}

/* What one of two planes has of the other's detail, where what they have in common is no chance. An edit is in one
 * place; a copy that was sampled otherwise differs a little wherever there is detail. */
static Detail detail_of(const Plane *a, const Plane *b, double contrast, double common, double everywhere)
{
    const double coarse = least(a->detail, b->detail), fine = most(a->detail, b->detail);
    if (coarse <= TEXTURED || (contrast <= FLAT && common <= CHANCE)) return SAME;
    if (coarse < DETAIL_LOST * fine) return LOST;
    return common > SAMPLED && everywhere > EVERYWHERE ? RESAMPLED : SAME;
}

void score(const Planes *a, const Planes *b, const double *mask, const double *cells, Detail detail,
           const double (*lost)[AREA], Verified *out)
{
    Products p;
    Colors colors;
    double local[WINDOWS], soft_a[AREA], soft_b[AREA], small_a[CELL_AREA], small_b[CELL_AREA];
    int full[WINDOWS];
    products(a->luma, b->luma, mask, lost, &p);
    const double n = most(p.sums[3], 1.0), count = total(mask, SIDE);
    const Plane of_a = plane(a->luma, mask, count, p.sums[0] / n);
    const Plane of_b = plane(b->luma, mask, count, p.sums[1] / n);
    const double common = beyond_rounding(&p, n);
    double structure = correlation(&p, n, 4.0);
    if (detail != SAME) {
        smooth(a->luma, soft_a);
        smooth(b->luma, soft_b);
        products(soft_a, soft_b, mask, lost, &p);
        const double softened = correlation(&p, n, 1.0);
        structure = detail == LOST ? softened : 0.7 * structure + 0.3 * softened;
    }
    local_structure(&p, n, detail == SAME ? 4.0 : 1.0, local, full);
    out->contrast = sqrt(least(of_a.variance, of_b.variance));
    out->detail = detail_of(&of_a, &of_b, out->contrast, common, spread(local, full));
    const int same_texture = least(of_a.detail, of_b.detail) >= TEXTURED && common >= KNOWN;
    shrink(a->luma, SIDE, 4, small_a);
    shrink(b->luma, SIDE, 4, small_b);
    compare_colors(small_a, a->chroma, small_b, b->chroma, cells, out->contrast,
                   out->contrast > FLAT || same_texture, &colors);
    const double worst = worst_window(local, full, &out->place);
    double value = least(least(1.0 - (1.0 - structure) / 2.0, share(local, full, &colors, &out->color)),
                         curve(worst, WORST_CAP, 5));
    const double apart = brightness_apart(&of_a, &of_b, common);
    if (apart > 1.0) value *= most(0.0, 2.0 - apart);
    if (colors.plain && colors.strength > 6.0) value = least(value, GRAY_CAP);
    if (colors.toned) value = least(value, TONED_CAP);
    out->value = most(value, 0.0);
    out->overlap = 1.0;
    memcpy(out->affine, (const double[6]){1, 0, 0, 0, 1, 0}, sizeof out->affine);
}
