/* Pixels → the box inside a border of one color. Twin: stages/fingerprints/border.py, which tells the rules. */
#include "description.h"
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKS = 96, TOLERANCE = 12, ABRUPT = 40, SIDES = 4 };
static const double TOUCHED = 0.02, STRAY = 0.03, LEAST = 0.004, INSIDE = 0.25;

/* Cells lie `row` apart from line to line, and `column` along a line; both may be negative. */
typedef struct {
    const float *data;
    ptrdiff_t row, column;
    int rows, columns;
} Lines;

typedef struct {
    uint8_t level[3];
} Color;

/* The median of a line's channels. 0: too much of the line is of another color. */
static int plain(const uint8_t *line, int64_t length, int64_t stride, const Pixels *p, Color *color)
{
    const int64_t step = length / LOOKS > 1 ? length / LOOKS : 1, count = (length + step - 1) / step;
    for (int64_t c = 0; c < p->channels; c++) {
        int64_t seen[256] = {0}, below = 0;
        for (int64_t k = 0; k < count; k++) seen[line[k * step * stride + c * p->stride_c]]++;
        int level = 0;
        while ((below += seen[level]) <= count / 2) level++;
        color->level[c] = (uint8_t)level;
    }
    int64_t stray = 0;
    for (int64_t k = 0; k < count; k++) {
        int apart = 0;
        for (int64_t c = 0; c < p->channels; c++) {
            const int own = abs(line[k * step * stride + c * p->stride_c] - color->level[c]);
            if (own > apart) apart = own;
        }
        stray += apart > TOLERANCE;
    }
    for (int64_t c = p->channels; c < 3; c++) color->level[c] = color->level[0];
    return (double)stray <= STRAY * (double)count;
}

static int by_color(const void *a, const void *b) { return memcmp(a, b, sizeof(Color)); }

static int64_t last_of(double extent, int64_t length)
{
    const int64_t last = (extent < (double)length ? (int64_t)extent : length) - 1;
    return last < 0 ? length - 1 : last;
}

/* The colors of the outermost lines that have only one, sorted: the order of the sides must not matter. */
static int plain_sides(const Pixels *p, Color *colors)
{
    const uint8_t *bottom = p->data + last_of(p->extent_y, p->height) * p->stride_y;
    const uint8_t *right = p->data + last_of(p->extent_x, p->width) * p->stride_x;
    int count = 0;
    count += plain(p->data, p->width, p->stride_x, p, colors + count);
    count += plain(bottom, p->width, p->stride_x, p, colors + count);
    count += plain(p->data, p->height, p->stride_y, p, colors + count);
    count += plain(right, p->height, p->stride_y, p, colors + count);
    qsort(colors, (size_t)count, sizeof *colors, by_color);
    return count;
}

static float cell(const Lines *lines, int row, int column)
{
    return lines->data[row * lines->row + column * lines->column];
}

static int first_content(const Lines *lines)
{
    int row = 0;
    for (; row < lines->rows; row++) {
        int apart = 0;
        for (int k = 0; k < lines->columns; k++) apart += cell(lines, row, k) > TOLERANCE;
        if (apart > STRAY * lines->columns) break;
    }
    return row;
}

static int abrupt(const Lines *lines, int first)
{
    const int after = first + 3 < lines->rows ? first + 3 : lines->rows;
    int touched = 0;
    for (int k = 0; k < lines->columns; k++) {
        float most = cell(lines, first, k);
        for (int row = first + 1; row < after; row++) most = cell(lines, row, k) > most ? cell(lines, row, k) : most;
        touched += most >= ABRUPT;
    }
    return !((double)touched / lines->columns < TOUCHED);
}

static double total(const Lines *lines, int row)
{
    double sum = 0.0;
    for (int k = 0; k < lines->columns; k++) sum += cell(lines, row, k);
    return sum;
}

/* Where the border at the first line ends, in lines; 0 for none. */
static double start(Lines lines)
{
    const int first = first_content(&lines);
    if (first >= lines.rows - 1 || !abrupt(&lines, first)) return 0.0;
    const double here = total(&lines, first), beyond = total(&lines, first + 1);
    if (!(beyond > 0)) return first;
    return first + 1.0 - (here / beyond < 1.0 ? here / beyond : 1.0);
}

static Lines reversed(Lines lines)
{
    lines.data += (lines.rows - 1) * lines.row;
    lines.row = -lines.row;
    return lines;
}

static Box box_of(const float *apart)
{
    const Box whole = {{0, 0, FRAME, FRAME}};
    const Lines rows = {apart, GRID, 1, GRID, GRID};
    const double top = start(rows), bottom = start(reversed(rows));
    const int above = (int)ceil(top), left_over = GRID - above - (int)ceil(bottom);
    const Lines columns = {apart + above * GRID, 1, GRID, GRID, left_over > 0 ? left_over : 0};
    double at[4] = {start(columns), top, GRID - start(reversed(columns)), GRID - bottom};
    Box box;
    for (int k = 0; k < 4; k++) {
        at[k] /= GRID;
        if (k < 2 && at[k] < LEAST) at[k] = 0.0;
        if (k >= 2 && at[k] > 1 - LEAST) at[k] = 1.0;
        box.at[k] = (int32_t)rint(at[k] * FRAME);
    }
    return at[2] - at[0] < INSIDE || at[3] - at[1] < INSIDE ? whole : box;
}

static int64_t area(const Box *box) { return (int64_t)(box->at[2] - box->at[0]) * (box->at[3] - box->at[1]); }

static void find(const Pixels *p, const Color *colors, int count, const float *means, float *apart, Box *best)
{
    for (int color = 0; color < count; color++) {
        for (int k = 0; k < GRID * GRID; k++) {
            apart[k] = 0.0f;
            for (int64_t c = 0; c < p->channels; c++) {
                const float own = fabsf(means[k * p->channels + c] - (float)colors[color].level[c]);
                if (own > apart[k]) apart[k] = own;
            }
        }
        const Box box = box_of(apart);
        if (area(&box) < area(best)) *best = box;
    }
}

/* float32[GRID, GRID, channels]: mean levels of cells. */
static int grid_of(const Pixels *p, int64_t *sums, float *means)
{
    int64_t across[GRID + 1], down[GRID + 1];
    area_edges(0.0, p->extent_x, GRID, p->width, across), area_edges(0.0, p->extent_y, GRID, p->height, down);
    if (!area_cells(p, across, down, GRID, sums)) return 0;
    for (int j = 0; j < GRID; j++)
        for (int i = 0; i < GRID; i++)
            for (int64_t c = 0; c < p->channels; c++, sums++)
                *means++ = (float)((double)*sums / (double)((down[j + 1] - down[j]) * (across[i + 1] - across[i])));
    return 1;
}

int border_find(const Pixels *pixels, Box *box)
{
    Color colors[SIDES];
    const int count = plain_sides(pixels, colors);
    *box = (Box){{0, 0, FRAME, FRAME}};
    if (!count) return 1;
    const size_t values = (size_t)(GRID * GRID * pixels->channels);
    int64_t *sums = malloc(values * sizeof *sums);
    float *means = malloc((values + GRID * GRID) * sizeof *means);
    const int done = sums && means && grid_of(pixels, sums, means);
    if (done) find(pixels, colors, count, means, means + values, box);
    free(sums), free(means);
    return done;
}
