/* Huffman codes and scans of JPEG files (ITU-T T.81, annexes C, F and G). A part of a scan between two restart markers
 * is first freed of its stuffed bytes, so that the inner loop can take eight bytes at once. Reading past its end gives
 * zeros, which is found out after every block. */
#include "jpeg.h"
#include <stdlib.h>
#include <string.h>

enum { BEHIND = 512 }; /* zeros behind the data: more than any block takes */

/* Where coefficients in zigzag order belong, counted from 1: rows of horizontal frequencies. 0: beyond the block. */
static const uint8_t PLACE[64 + 16 + END_OF_BLOCK] = {
    1, 9, 2, 3, 10, 17, 25, 18, 11, 4, 5, 12, 19, 26, 33, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 57, 50, 43, 36, 29, 22, 15, 8, 16, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 24, 32, 39, 46, 53, 60, 61, 54, 47, 40, 48, 55, 62, 63, 56, 64};

typedef struct {
    const uint8_t *next, *stop;
    uint64_t window; /* the next bits, the first one on top */
    unsigned count;  /* how many of them are there */
} Bits;

static inline uint64_t eight(const uint8_t *at)
{
    return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 | (uint64_t)at[3] << 32 |
           (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 | (uint64_t)at[6] << 8 | at[7];
}

/* At least 32 bits, enough for any code and its value. */
static inline void fill(Bits *bits)
{
    if (bits->count >= 32) return;
    bits->window |= eight(bits->next) >> bits->count;
    bits->next += (63 - bits->count) >> 3;
    bits->count |= 56;
}

static inline void drop(Bits *bits, unsigned count)
{
    bits->window <<= count;
    bits->count -= count;
}

/* What the table of LOOK bits does not hold. run 64: there is no such code. */
static Entry long_one(Bits *bits, const Huffman *huffman, Entry entry, int dc)
{
    unsigned symbol = (unsigned)entry.value, length = entry.run;
    for (unsigned l = LOOK + 1; !length && l <= 16; l++) {
        const uint32_t code = (uint32_t)(bits->window >> (64 - l)) - huffman->first[l];
        if (code < huffman->count[l]) symbol = huffman->symbol[huffman->offset[l] + code], length = l;
    }
    if (!length) return (Entry){0, 64, 0};
    drop(bits, length);
    const unsigned size = dc ? symbol : symbol & 15;
    const uint32_t value = size ? (uint32_t)(bits->window >> (64 - size)) : 0;
    drop(bits, size);
    return (Entry){(int16_t)jpeg_extended(value, size), (uint8_t)jpeg_run(symbol, dc), 0};
}

static inline Entry next(Bits *bits, const Huffman *huffman, int dc)
{
    fill(bits);
    const Entry entry = huffman->fast[bits->window >> (64 - LOOK)];
    if (!entry.length) {
        Bits copy = *bits; /* whose address may be known: then the original stays in registers */
        const Entry other = long_one(&copy, huffman, entry, dc);
        *bits = copy;
        return other;
    }
    drop(bits, entry.length);
    return entry;
}

static inline void put(float *coefficients, const uint16_t *quantization, unsigned k, int32_t value)
{
    if (coefficients) coefficients[PLACE[k]] = (float)(value * quantization[k & 63]);
}

/* The rest of the AC values of a block one by one. 0: damaged. */
static int single_values(Bits *bits, const Huffman *code, const uint16_t *quantization, unsigned k, float *coefficients)
{
    while (k < 64) {
        const Entry entry = next(bits, code, 0);
        k += entry.run;
        if (k > 63) return k >= END_OF_BLOCK;
        put(coefficients, quantization, k++, entry.value);
    }
    return 1;
}

/* AC values of a block into coefficients, or nowhere: two at a time, and the last ones again one by one where the second
 * belonged to the next block. What lies beyond a block is put before it. 0: damaged. */
static inline int ac_values(Bits *bits, const Huffman *code, const uint16_t *quantization, float *coefficients)
{
    Bits last = *bits;
    unsigned k = 1, known = k;
    while (k < 64) {
        fill(bits);
        last = *bits, known = k;
        const Pair pair = code->pair[bits->window >> (64 - LOOK)];
        if (!pair.length) {
            const Entry entry = next(bits, code, 0);
            k += entry.run;
            put(coefficients, quantization, k++, entry.value);
            continue;
        }
        drop(bits, pair.length);
        k += pair.run[0];
        put(coefficients, quantization, k++, pair.value[0]);
        k += pair.run[1];
        put(coefficients, quantization, k, pair.value[1]);
        k += pair.second;
    }
    if (k == 64 || (k > END_OF_BLOCK && k <= END_OF_BLOCK + 64)) return 1;
    Bits before = last; /* whose address may be known: then the others stay in registers */
    const int good = single_values(&before, code, quantization, known, coefficients);
    *bits = before;
    return good;
}

/* Mean of a block of which `shift` bits of the DC value are not known yet: half of what they may be is added. */
static inline uint8_t pixel(int32_t dc, unsigned shift, int32_t step)
{
    const int32_t twice = 2 * dc * (1 << shift) + (1 << shift) - 1, value = (twice * step + 16 * 128 + 8) >> 4;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* A block to the place of its component's plane. 0: damaged. */
static int block(const Jpeg *jpeg, const Scan *scan, Component *own, Bits *at, size_t x, size_t y)
{
    Bits bits = *at;
    const uint16_t *quantization = jpeg->quantization[own->quantization];
    const Entry first = next(&bits, own->dc_code, 1);
    own->dc += first.value;
    if (first.run || own->dc < -32768 || own->dc > 32767) return 0;
    uint8_t *out = own->plane + (y * own->stride + x) * jpeg->side;
    int good = 1;
    if (jpeg->side == 1) {
        *out = pixel(own->dc, scan->shift, quantization[0]);
        if (!jpeg->progressive) good = ac_values(&bits, own->ac_code, quantization, NULL);
    } else {
        float coefficients[1 + 64] = {0};
        coefficients[1] = (float)(own->dc * quantization[0]);
        good = ac_values(&bits, own->ac_code, quantization, coefficients);
        jpeg_block(coefficients + 1, jpeg->side, out, own->stride);
    }
    *at = bits;
    return good && bits.next <= bits.stop + 8;
}

static int mcu(const Jpeg *jpeg, const Scan *scan, Bits *bits, size_t x, size_t y)
{
    if (scan->components == 1) return block(jpeg, scan, scan->component[0], bits, x, y);
    for (unsigned c = 0; c < scan->components; c++) {
        Component *own = scan->component[c];
        for (unsigned j = 0; j < own->v; j++)
            for (unsigned i = 0; i < own->h; i++)
                if (!block(jpeg, scan, own, bits, x * own->h + i, y * own->v + j)) return 0;
    }
    return 1;
}

/* Moves `data` to the next marker, and what stands before it, freed of stuffed bytes, to out. NULL: no marker. */
static uint8_t *freed(Jpeg *jpeg, uint8_t *out)
{
    const uint8_t *at = jpeg->data;
    for (;;) {
        const uint8_t *mark = memchr(at, 0xff, (size_t)(jpeg->stop - at));
        if (!mark || jpeg->stop - mark < 2) return NULL;
        const size_t plain = (size_t)(mark - at) + (mark[1] == 0);
        memcpy(out, at, plain);
        out += plain;
        at = mark + 2;
        if (mark[1]) {
            jpeg->data = mark;
            return out;
        }
    }
}

/* The MCUs from `first` to `last` of the scan, up to the next marker. */
static int part(Jpeg *jpeg, const Scan *scan, size_t across, size_t first, size_t last, uint8_t *room)
{
    uint8_t *stop = freed(jpeg, room);
    if (!stop) return 0;
    memset(stop, 0, BEHIND);
    Bits bits = {room, stop, 0, 0};
    for (unsigned c = 0; c < scan->components; c++) scan->component[c]->dc = 0;
    for (size_t y = first / across, x = first % across; first < last; first++) {
        if (!mcu(jpeg, scan, &bits, x, y)) return 0;
        if (++x == across) x = 0, y++;
    }
    const ptrdiff_t taken = bits.next - room, whole = stop - room;
    const ptrdiff_t used = taken * 8 - (ptrdiff_t)bits.count;
    return used <= whole * 8 && used > whole * 8 - 8;
}

int jpeg_decode_scan(Jpeg *jpeg, const Scan *scan)
{
    const int single = scan->components == 1;
    const size_t across = single ? scan->component[0]->across : jpeg->mcus_across;
    const size_t count = across * (single ? scan->component[0]->down : jpeg->mcus_down);
    const size_t step = jpeg->restart ? jpeg->restart : count;
    uint8_t *room = malloc((size_t)(jpeg->stop - jpeg->data) + BEHIND);
    int good = room != NULL;
    for (size_t first = 0, number = 0; good && first < count; first += step, number++) {
        if (first) { /* the marker between two parts */
            good = jpeg->data[1] == 0xd0 + (number - 1) % 8;
            jpeg->data += 2;
        }
        good = good && part(jpeg, scan, across, first, count - first < step ? count : first + step, room);
    }
    free(room);
    return good;
}
