/* Float pixels → levels 0..255. */
#ifndef ONEOFEACH_LEVEL_H
#define ONEOFEACH_LEVEL_H

#include <stdint.h>

/* Round half to even and clip to 0..255, NaN to 0: adding 1.5 * 2^23 leaves no room for a fraction. */
static inline uint32_t level(float value, float scale)
{
    float scaled = value * scale;
    if (!(scaled > 0.0f)) return 0;
    if (scaled > 255.0f) return 255;
    return (uint32_t)((scaled + 12582912.0f) - 12582912.0f);
}

#endif
