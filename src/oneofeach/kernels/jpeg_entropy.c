/* Huffman codes and scans of JPEG files (ITU-T T.81, annexes C, F and G). A part of a scan between two restart markers
 * is first freed of its stuffed bytes, so that the inner loop can take eight bytes at once. Reading past its end gives
 * zeros, which is found out after every block. */
#include "four.h"
#include "jpeg.h"
#include <stdlib.h>
#include <string.h>

enum { BEHIND = 512 }; /* zeros behind the data: more than any block takes */
enum { LOOKS = 4 };    /* that fit into 56 bits */

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

/* What the window begins with, where the table of LOOK bits does not hold it. length 0: no code. */
static Entry long_one(uint64_t window, const Huffman *huffman, Entry entry, int dc)
{
    unsigned symbol = (unsigned)entry.value, length = entry.run;
    for (unsigned l = LOOK + 1; !length && l <= 16; l++) {
        const uint32_t code = (uint32_t)(window >> (64 - l)) - huffman->first[l];
        if (code < huffman->count[l]) symbol = huffman->symbol[huffman->offset[l] + code], length = l;
    }
    if (!length) return (Entry){0, NO_SYMBOL, 0};
    const unsigned size = dc ? symbol : symbol & 15;
    const uint32_t value = size ? (uint32_t)(window << length >> (64 - size)) : 0;
    return (Entry){(int16_t)jpeg_extended(value, size), (uint8_t)jpeg_run(symbol, dc), (uint8_t)(length + size)};
}

static inline Entry next(Bits *bits, const Huffman *huffman, int dc)
{
    fill(bits);
    Entry entry = huffman->fast[bits->window >> (64 - LOOK)];
    if (!entry.length) entry = long_one(bits->window, huffman, entry, dc);
    drop(bits, entry.length);
    return entry;
}

/* values: one before those of the block, for what lies beyond; NULL: nobody wants to know. */
static inline void put(int16_t *values, unsigned k, int16_t value)
{
    if (values) values[jpeg_place[k]] = value;
}

/* The bits from `back` before the next one on. */
static Bits rewound(Bits bits, unsigned back)
{
    const unsigned left = bits.count + back, bytes = (left + 7) / 8;
    Bits before = {bits.next - bytes, bits.stop, 0, 0};
    fill(&before);
    drop(&before, 8 * bytes - left);
    return before;
}

/* The last AC values of a block one by one, from number k on, where the second of a pair belongs to the next block.
 * 0: damaged. */
static inline unsigned last_values(Bits *bits, const Huffman *code, unsigned k, int16_t *values)
{
    while (k < 64) {
        const Entry entry = next(bits, code, 0);
        k += entry.run;
        if (k > 63) return k < END_OF_BLOCK ? 0 : 64;
        put(values, k++, entry.value);
    }
    return 64;
}

/* AC values of a block, two at a time. The number of values up to the last one that may be other than 0; 0: damaged. */
static inline unsigned ac_values(Bits *bits, const Huffman *code, int16_t *values)
{
    Pair pair;
    unsigned k = 1;
    do {
        fill(bits);
        for (int look = 0; look < LOOKS; look++) {
            pair = code->pair[bits->window >> (64 - LOOK)];
            if (!pair_length(pair)) break;
            drop(bits, pair_length(pair));
            put(values, k + pair_place(pair, 0), pair_value(pair, 0));
            put(values, k + pair_place(pair, 1), pair_value(pair, 1));
            k += pair_step(pair);
            if (k > 63) goto ended;
        }
        if (!pair_length(pair)) {
            const Entry entry = next(bits, code, 0);
            k += entry.run;
            put(values, k++, entry.value);
        }
    } while (k < 64);
ended:
    if (k == 64) return 64;
    if (k > END_OF_BLOCK && k <= END_OF_BLOCK + 64) return k - END_OF_BLOCK - 1;
    if (!pair_length(pair)) return 0;
    *bits = rewound(*bits, pair_length(pair));
    return last_values(bits, code, k - pair_step(pair), values);
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
