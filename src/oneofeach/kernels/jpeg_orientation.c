/* Where the top of a JPEG picture is, looked up as Pillow does: the first directory of the EXIF block, else XMP.
 * Twin: decode/headers.py. */
#include "jpeg.h"
#include <string.h>

enum { ORIENTATION = 0x0112, SHORT = 3 };

/* `size` bytes as a number. */
static uint32_t number(const uint8_t *at, size_t size, int little)
{
    uint32_t value = 0;
    for (size_t k = 0; k < size; k++) value = value << 8 | at[little ? size - 1 - k : k];
    return value;
}

/* The tag of an EXIF block (behind its "Exif" mark); -1: there is none. */
static int in_exif(const uint8_t *tiff, size_t length)
{
    if (length < 8 || (memcmp(tiff, "II", 2) && memcmp(tiff, "MM", 2))) return -1;
    const int little = tiff[0] == 'I';
    const size_t offset = number(tiff + 4, 4, little);
    if (number(tiff + 2, 2, little) != 42 || offset + 2 > length) return -1;
    const size_t count = number(tiff + offset, 2, little);
    for (size_t k = 0, at = offset + 2; k < count && at + 12 <= length; k++, at += 12)
        if (number(tiff + at, 2, little) == ORIENTATION && number(tiff + at + 2, 2, little) == SHORT &&
            number(tiff + at + 4, 4, little) == 1)
            return (int)number(tiff + at + 8, 2, little);
    return -1;
}

/* The digit of the first tiff:Orientation="1" or tiff:Orientation>1; -1: there is none. */
static int in_xmp(const uint8_t *at, const uint8_t *stop)
{
    static const char NAME[] = "tiff:Orientation";
    const ptrdiff_t name = sizeof NAME - 1;
    while (stop - at > name && (at = memchr(at, NAME[0], (size_t)(stop - at - name)))) {
        const uint8_t *value = at + name;
        const int named = !memcmp(at++, NAME, (size_t)name);
        if (!named) continue;
        if (*value == '>') value++;
        else if (stop - value > 1 && value[0] == '=' && value[1] == '"') value += 2;
        else continue;
        if (value < stop && *value >= '0' && *value <= '9') return *value - '0';
    }
    return -1;
}

int jpeg_orientation(const Jpeg *jpeg)
{
    int value = jpeg->exif ? in_exif(jpeg->exif, (size_t)(jpeg->exif_stop - jpeg->exif)) : -1;
    if (value < 0 && jpeg->xmp) value = in_xmp(jpeg->xmp, jpeg->xmp_stop);
    return value >= 1 && value <= 8 ? value : 1;
}
