/* JPEG (ITU-T T.81) pictures at 1/1, 1/2, 1/4 or 1/8 of their size: structures shared by the walk over the markers, the
 * entropy decoder and the reconstruction. What is unusual is refused; a library decides about it. */
#ifndef ONEOFEACH_JPEG_H
#define ONEOFEACH_JPEG_H

#include <stddef.h>
#include <stdint.h>

enum { LOOK = 11, NO_SYMBOL = 63, END_OF_BLOCK = 127, MOST_COMPONENTS = 3 };

/* What the next LOOK bits begin with: `length` bits that stand for `run` zeros and a value. length 0: the value does not
 * fit into LOOK bits, and `value` is its symbol and `run` the length of its code; that is 0 too for longer codes. */
typedef struct {
    int16_t value;
    uint8_t run, length;
} Entry;

/* The same of two AC values, in one word that is read at once; from the lowest byte: in how many bits they lie, how far
 * behind the last value the next one will belong, how far the two do, and two values of two bytes. Where there is no
 * second one, it is a 0 where the next one belongs. */
typedef uint64_t Pair;

static inline unsigned pair_length(Pair pair) { return (uint8_t)pair; }
static inline unsigned pair_step(Pair pair) { return (uint8_t)(pair >> 8); }
static inline unsigned pair_place(Pair pair, int which) { return (uint8_t)(pair >> (which ? 24 : 16)); }
static inline int16_t pair_value(Pair pair, int which) { return (int16_t)(pair >> (which ? 48 : 32)); }

typedef struct {
    Entry fast[1 << LOOK];
    Pair pair[1 << LOOK]; /* of AC values */
    uint32_t first[17], count[17], offset[17]; /* of the codes of each length: the lowest, how many, their symbols */
    uint8_t symbol[256];
} Huffman;

typedef struct {
    unsigned id, h, v, quantization;
    size_t across, down; /* blocks of the picture; more are coded where several components share a scan */
    uint8_t *plane;      /* what is reconstructed so far */
    size_t stride;       /* of the plane, in pixels */
    int32_t dc;          /* the last one */
    int decoded;
    const Huffman *dc_code, *ac_code; /* of the scan at hand */
} Component;

typedef struct {
    const uint8_t *data, *stop;
    size_t width, height, mcus_across, mcus_down;
    unsigned components, h, v, side; /* of an MCU in blocks; pixels per block to reconstruct */
    int progressive, color_known;
    size_t restart; /* MCUs between restart markers, 0: none */
    Component component[MOST_COMPONENTS];
    float steps[4][64]; /* of quantization; rows of horizontal frequencies */
    int quantized[4];
    const uint8_t *exif, *exif_stop, *xmp, *xmp_stop; /* bodies of segments, NULL when there are none */
    const Huffman *code[2][4]; /* DC, AC */
    Huffman *own[2][4];        /* those that are not the standard's, made for this file */
} Jpeg;

typedef struct {
    unsigned components, shift; /* shift: of DC values, in progressive scans */
    Component *component[MOST_COMPONENTS];
} Scan;

/* The value that `size` bits stand for. */
static inline int32_t jpeg_extended(uint32_t bits, unsigned size)
{
    return size && bits >> (size - 1) == 0 ? (int32_t)bits - (int32_t)((1u << size) - 1) : (int32_t)bits;
}

/* run and size of a symbol; those of AC values without size end the block, or stand for 16 zeros. */
static inline unsigned jpeg_run(unsigned symbol, int dc)
{
    if (dc) return 0;
    if (symbol & 15 || symbol == 0xf0) return symbol >> 4;
    return symbol ? NO_SYMBOL : END_OF_BLOCK; /* of a sequential scan */
}

/* Moves `data` behind the header of the next scan. 0: there is none, or something is unusual. */
int jpeg_next_scan(Jpeg *jpeg, Scan *scan);

/* EXIF orientation 1..8, as far as the header was read; 1 when it is absent or out of range. */
int jpeg_orientation(const Jpeg *jpeg);

/* All of the picture behind the header of its first scan, reduced by a scale of 1, 2, 4 or 8 and rounded up:
 * uint8[components, height, width]. 0: a library has to decide. */
int jpeg_reduced(Jpeg *jpeg, Scan *first, size_t scale, uint8_t *out);

/* Frees what reading made. */
void jpeg_done(Jpeg *jpeg);

/* Lengths and symbols as a file gives them. 0: they are no code. */
int jpeg_code(Huffman *huffman, const uint8_t *counts, const uint8_t *symbols, int dc);

/* The codes that most files have, made by jpeg_prepare once. NULL: these are others. */
const Huffman *jpeg_standard(const uint8_t *counts, const uint8_t *symbols, int dc);
void jpeg_prepare(void);

/* Decodes the scan, and moves `data` to the marker behind it; planes are filled. 0: damaged. */
int jpeg_decode_scan(Jpeg *jpeg, const Scan *scan);

/* Where a coefficient in zigzag order belongs among rows of horizontal frequencies, counted from 1; 0: beyond the block. */
extern const uint8_t jpeg_place[64 + 16 + END_OF_BLOCK];

/* 8 x 8 coefficients, to be multiplied by their steps → side x side pixels, each the mean of those it stands for.
 * count: how many of them in zigzag order may be other than 0. side: 2, 4, 8. */
void jpeg_block(const int16_t *values, const float *steps, unsigned count, unsigned side, uint8_t *out, size_t stride);

/* Planes → red, green and blue, uint8[3, height, width]. */
int jpeg_colors(const Jpeg *jpeg, size_t height, size_t width, uint8_t *out);

#endif
