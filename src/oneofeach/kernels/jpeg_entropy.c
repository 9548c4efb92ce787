/* Huffman codes and scans of JPEG files (ITU-T T.81, annexes C, F and G). A part of a scan between two restart markers
 * is first freed of its stuffed bytes, so that the inner loop can take eight bytes at once. Reading past its end gives
 * zeros, which is found out after every block. */
#include "four.h"
#include "jpeg.h"
#include <stdlib.h>
#include <string.h>

enum { BEHIND = 512 }; /* zeros behind the data: more than any block takes */

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

/* At least 56 bits: enough for any code and its value, or for two looks at the table and one more. */
static inline void fill(Bits *bits)
{
    bits->window |= eight(bits->next) >> bits->count;
    bits->next += (63 - bits->count) >> 3;
    bits->count |= 56;
}

static inline void drop(Bits *bits, unsigned count)
{
    bits->window <<= count;
    bits->count -= count;
}

/* What the table of LOOK bits does not hold. */
static Entry long_one(Bits *bits, const Huffman *huffman, Entry entry, int dc)
{
    unsigned symbol = (unsigned)entry.value, length = entry.run;
    for (unsigned l = LOOK + 1; !length && l <= 16; l++) {
        const uint32_t code = (uint32_t)(bits->window >> (64 - l)) - huffman->first[l];
        if (code < huffman->count[l]) symbol = huffman->symbol[huffman->offset[l] + code], length = l;
    }
    if (!length) return (Entry){0, NO_SYMBOL, 0};
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

/* values: one before those of the block, for what lies beyond; NULL: nobody wants to know. */
static inline void put(int16_t *values, unsigned k, int16_t value)
{
    if (values) values[jpeg_place[k]] = value;
}

/* The rest of the AC values of a block one by one. 0: damaged. */
static int single_values(Bits *bits, const Huffman *code, unsigned k, int16_t *values)
{
    while (k < 64) {
        const Entry entry = next(bits, code, 0);
        k += entry.run;
        if (k > 63) return k >= END_OF_BLOCK;
        put(values, k++, entry.value);
    }
    return 1;
}

/* AC values of a block: two at a time, and the last ones again one by one where the second belonged to the next block.
 * The number of values up to the last one that may be other than 0; 0: damaged. */
static inline unsigned ac_values(Bits *bits, const Huffman *code, int16_t *values)
{
    Bits last = *bits;
    unsigned k = 1, known = k;
    while (k < 64) {
        fill(bits);
        for (int look = 0; look < 2 && k < 64; look++) {
            last = *bits, known = k;
            const Pair pair = code->pair[bits->window >> (64 - LOOK)];
            if (!pair.length) {
                const Entry entry = next(bits, code, 0);
                k += entry.run;
                put(values, k++, entry.value);
                break;
            }
            drop(bits, pair.length);
            put(values, k + pair.place[0], pair.value[0]);
            put(values, k + pair.place[1], pair.value[1]);
            k += pair.step;
        }
    }
    if (k == 64) return k;
    if (k > END_OF_BLOCK && k <= END_OF_BLOCK + 64) return k - END_OF_BLOCK;
    Bits before = last; /* whose address may be known: then the others stay in registers */
    const int good = single_values(&before, code, known, values);
    *bits = before;
    return good ? 64 : 0;
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
    const float *steps = jpeg->steps[own->quantization];
    const Entry first = next(&bits, own->dc_code, 1);
    own->dc += first.value;
    if (first.run || own->dc < -32768 || own->dc > 32767) return 0;
    uint8_t *out = own->plane + (y * own->stride + x) * jpeg->side;
    unsigned count = 1;
    if (jpeg->side == 1) {
        *out = pixel(own->dc, scan->shift, (int32_t)steps[0]);
        if (!jpeg->progressive) count = ac_values(&bits, own->ac_code, NULL);
    } else {
        int16_t room[8 + 64], *values = room + 8; /* aligned */
        four_zeros(values, 64);
        values[0] = (int16_t)own->dc;
        count = ac_values(&bits, own->ac_code, values - 1);
        jpeg_block(values, steps, count, jpeg->side, out, own->stride);
    }
    *at = bits;
    return count && bits.next <= bits.stop + 8;
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
