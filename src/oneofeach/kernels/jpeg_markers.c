/* The walk over the markers of a JPEG file: frame, tables and scan headers (ITU-T T.81, annex B). */
#include "jpeg.h"
#include <stdlib.h>
#include <string.h>

enum { SOF0 = 0xc0, SOF1 = 0xc1, SOF2 = 0xc2, DHT = 0xc4, RST0 = 0xd0, EOI = 0xd9, SOS = 0xda, DQT = 0xdb, DRI = 0xdd, COM = 0xfe };

static size_t two(const uint8_t *at) { return (size_t)at[0] << 8 | at[1]; }

const uint8_t jpeg_place[64 + 16 + END_OF_BLOCK] = {
    1, 9, 2, 3, 10, 17, 25, 18, 11, 4, 5, 12, 19, 26, 33, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 57, 50, 43, 36, 29, 22, 15, 8, 16, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 24, 32, 39, 46, 53, 60, 61, 54, 47, 40, 48, 55, 62, 63, 56, 64};

static int read_quantization(Jpeg *jpeg, const uint8_t *at, const uint8_t *stop)
{
    for (; at < stop; at += 65) {
        if (*at > 3 || stop - at < 65) return 0; /* of 16 bits: unusual */
        for (int k = 0; k < 64; k++) jpeg->steps[*at][jpeg_place[k] - 1] = at[1 + k];
        jpeg->quantized[*at] = 1;
    }
    return 1;
}

static int read_code(Jpeg *jpeg, unsigned ac, unsigned number, const uint8_t *counts)
{
    const uint8_t *symbols = counts + 16;
    jpeg->code[ac][number] = jpeg_standard(counts, symbols, !ac);
    if (jpeg->code[ac][number]) return 1;
    Huffman *own = jpeg->own[ac][number];
    if (!own) own = jpeg->own[ac][number] = malloc(sizeof *own);
    jpeg->code[ac][number] = own;
    return own && jpeg_code(own, counts, symbols, !ac);
}

static int read_codes(Jpeg *jpeg, const uint8_t *at, const uint8_t *stop)
{
    while (at < stop) {
        size_t symbols = 0;
        if (stop - at < 17 || (*at & 0xef) > 3) return 0;
        for (int length = 1; length <= 16; length++) symbols += at[length];
        if (symbols > 256 || (size_t)(stop - at) < 17 + symbols) return 0;
        if (!read_code(jpeg, *at >> 4, *at & 3, at + 1)) return 0;
        at += 17 + symbols;
    }
    return 1;
}

static size_t divided(size_t a, size_t b) { return (a + b - 1) / b; }

/* Only the first component may be finer than the others. A single one is coded block by block. */
static int lay_out(Jpeg *jpeg)
{
    Component *first = jpeg->component;
    if (jpeg->components == 1) first->h = first->v = 1;
    if (!first->h || !first->v || first->h > 4 || first->v > 4 || first->h == 3 || first->v == 3) return 0;
    jpeg->h = first->h, jpeg->v = first->v;
    jpeg->mcus_across = divided(jpeg->width, 8 * jpeg->h), jpeg->mcus_down = divided(jpeg->height, 8 * jpeg->v);
    for (unsigned c = 0; c < jpeg->components; c++) {
        Component *own = first + c;
        if (c && (own->h != 1 || own->v != 1)) return 0;
        own->across = divided(jpeg->width * own->h, 8 * jpeg->h);
        own->down = divided(jpeg->height * own->v, 8 * jpeg->v);
    }
    return jpeg->h * jpeg->v <= 8;
}

static int read_frame(Jpeg *jpeg, const uint8_t *at, const uint8_t *stop, int progressive)
{
    if (jpeg->width || stop - at < 6 || at[0] != 8) return 0;
    jpeg->height = two(at + 1), jpeg->width = two(at + 3), jpeg->components = at[5];
    jpeg->progressive = progressive;
    if (!jpeg->width || !jpeg->height || (jpeg->components != 1 && jpeg->components != 3)) return 0;
    if (stop - at != 6 + 3 * (ptrdiff_t)jpeg->components) return 0;
    for (unsigned c = 0; c < jpeg->components; c++, at += 3) {
        jpeg->component[c] = (Component){.id = at[6], .h = at[7] >> 4, .v = at[7] & 15, .quantization = at[8]};
        if (at[8] > 3 || (jpeg->components == 3 && !jpeg->color_known && at[6] != c + 1)) return 0;
    }
    return lay_out(jpeg);
}

static Component *component_of(Jpeg *jpeg, unsigned id)
{
    for (unsigned c = 0; c < jpeg->components; c++)
        if (jpeg->component[c].id == id) return jpeg->component + c;
    return NULL;
}

/* All components in one sequential scan, or the DC values of one or all of them in a progressive one. */
static int read_scan(Jpeg *jpeg, const uint8_t *at, const uint8_t *stop, Scan *scan)
{
    if (!jpeg->width || at == stop || stop - at != 4 + 2 * *at) return 0;
    scan->components = *at;
    const uint8_t *spectrum = stop - 3;
    const unsigned last = jpeg->progressive ? 0 : 63, high = spectrum[2] >> 4;
    scan->shift = spectrum[2] & 15;
    if (spectrum[0] != 0 || spectrum[1] != last || high || scan->shift > (jpeg->progressive ? 3 : 0)) return 0;
    if (scan->components != jpeg->components && !(jpeg->progressive && scan->components == 1)) return 0;
    for (unsigned c = 0; c < scan->components; c++) {
        Component *own = component_of(jpeg, at[1 + 2 * c]);
        const unsigned codes = at[2 + 2 * c];
        if (!own || (scan->components > 1 && own != jpeg->component + c) || codes >> 4 > 3 || (codes & 15) > 3) return 0;
        own->dc_code = jpeg->code[0][codes >> 4], own->ac_code = jpeg->code[1][codes & 15];
        if (!jpeg->quantized[own->quantization] || !own->dc_code || (!jpeg->progressive && !own->ac_code)) return 0;
        scan->component[c] = own;
    }
    return 1;
}

static int begins(const uint8_t *at, const uint8_t *stop, const char *mark, size_t length)
{
    return (size_t)(stop - at) >= length && !memcmp(at, mark, length);
}

/* JFIF means YCbCr; Adobe's marker may say otherwise, and then a library decides. Pillow refuses some that are too short. */
static int read_application(Jpeg *jpeg, unsigned marker, const uint8_t *at, const uint8_t *stop)
{
    const size_t length = (size_t)(stop - at);
    if (marker == 0xe0 && begins(at, stop, "JFIF", 4) && length < 7) return 0;
    if (marker == 0xe2 && begins(at, stop, "ICC_", 4) && length < 14) return 0;
    if (marker == 0xe0 && begins(at, stop, "JFIF", 5)) jpeg->color_known = 1;
    if (marker == 0xe1 && begins(at, stop, "Exif\0\0", 6)) {
        if (!jpeg->exif && length > 6) jpeg->exif = at + 6, jpeg->exif_stop = stop;
    } else if (marker == 0xe1 && begins(at, stop, "http://ns.adobe.com/xap/1.0/", 29)) {
        jpeg->xmp = at, jpeg->xmp_stop = stop;
    }
    if (marker != 0xee || !begins(at, stop, "Adob", 4)) return 1;
    return length >= 12 && (at[4] != 'e' || at[11] == (jpeg->components == 1 ? 0 : 1));
}

int jpeg_next_scan(Jpeg *jpeg, Scan *scan)
{
    while (jpeg->stop - jpeg->data >= 4 && jpeg->data[0] == 0xff) {
        const unsigned marker = jpeg->data[1];
        const size_t length = two(jpeg->data + 2);
        const uint8_t *at = jpeg->data + 4, *stop = jpeg->data + 2 + length;
        if (marker < SOF0 || (marker >= RST0 && marker <= EOI)) return 0;
        if (length < 2 || length > (size_t)(jpeg->stop - jpeg->data) - 2) return 0;
        jpeg->data = stop;
        int good = 1;
        switch (marker) {
        case SOF0: case SOF1: case SOF2: good = read_frame(jpeg, at, stop, marker == SOF2); break;
        case DHT: good = read_codes(jpeg, at, stop); break;
        case DQT: good = read_quantization(jpeg, at, stop); break;
        case DRI: good = length == 4; if (good) jpeg->restart = two(at); break;
        case SOS: return read_scan(jpeg, at, stop, scan);
        default: good = ((marker & 0xf0) == 0xe0 || marker == COM) && read_application(jpeg, marker, at, stop);
        }
        if (!good) return 0;
    }
    return 0;
}
