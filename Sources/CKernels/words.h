/// Rounding to the short formats, one number at a time: what the reference does, and the others at the ends of vectors.
#ifndef GRAFT_WORDS_H
#define GRAFT_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "CKernels.h"

#pragma STDC FP_CONTRACT OFF

/// Words of a row of so many elements.
static inline size_t graft_word_count(GraftFormat format, size_t elements) {
    const size_t each = format == GRAFT_INT8 ? 4 : format == GRAFT_BFLOAT16 ? 2 : 1;
    return (elements + each - 1) / each;
}

static inline uint32_t graft_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float graft_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/// The upper half is `value` in bfloat16; the lower is to be ignored. To nearest, ties to even; subnormal numbers become 0.
static inline uint32_t graft_rounded_bits(float value) {
    const uint32_t bits = graft_bits(value);
    if (value != value) {
        return bits | 0x00400000;
    }
    if ((bits & 0x7f800000) == 0) {
        return bits & 0x80000000;
    }
    return bits + 0x7fff + (bits >> 16 & 1);
}

/// Two numbers in bfloat16, the first in the low half.
static inline uint32_t graft_bfloat16_word(float first, float second) {
    return graft_rounded_bits(first) >> 16 | (graft_rounded_bits(second) & 0xffff0000);
}

/// In the last place of 1.5 · 2²³ stand ones, so adding it rounds to a whole number, whose bits are then the last ones.
#define GRAFT_WHOLE_SHIFT 12582912.0f
#define GRAFT_WHOLE_SHIFT_BITS 0x4b400000u

/// Below this the inverse of a scale might be infinite: 2⁻¹¹⁸.
#define GRAFT_LEAST_RANGE 0x1p-118f

/// How a row, or a column, is quantized: whole number = round(inverse · x) + zero.
typedef struct {
    /// What one step is worth; not a number if x holds something that is not finite.
    float scale;
    float inverse;
    /// A whole number.
    float zero;
} GraftQuantization;

/// Of a row of activations whose numbers and 0 reach from `lowest` to `highest`. `poison` is 0, or not a number if some
/// number of the row is not finite.
static inline GraftQuantization graft_row_quantization(float lowest, float highest, float poison) {
    const float range = highest - lowest;
    GraftQuantization result = {poison, 0, 0};
    if (poison == 0 && range >= GRAFT_LEAST_RANGE) {
        result.scale = range / 255;
        result.inverse = 255 / range;
        result.zero = (-lowest * result.inverse + GRAFT_WHOLE_SHIFT) - GRAFT_WHOLE_SHIFT;
    }
    return result;
}

/// Of a column of weights whose largest magnitude this is; `poison` as above.
static inline GraftQuantization graft_column_quantization(float magnitude, float poison) {
    GraftQuantization result = {poison, 0, 0};
    if (poison == 0 && magnitude >= GRAFT_LEAST_RANGE) {
        result.scale = magnitude / 127;
        result.inverse = 127 / magnitude;
    }
    return result;
}

/// Packs the column b[k · stride] as words `to_stride` apart; in int8 its scale and its sum come after them.
static inline void graft_pack_column(GraftFormat format, const float *b, ptrdiff_t stride, size_t depth, uint32_t *to,
                                     size_t to_stride) {
    if (format == GRAFT_FLOAT32) {
        for (size_t k = 0; k < depth; k++) {
            to[k * to_stride] = graft_bits(b[(ptrdiff_t)k * stride]);
        }
        return;
    }
    if (format == GRAFT_BFLOAT16) {
        for (size_t k = 0; k < depth; k += 2) {
            const float second = k + 1 < depth ? b[(ptrdiff_t)(k + 1) * stride] : 0;
            to[k / 2 * to_stride] = graft_bfloat16_word(b[(ptrdiff_t)k * stride], second);
        }
        return;
    }
    float magnitude = 0, poison = 0;
    for (size_t k = 0; k < depth; k++) {
        const float value = b[(ptrdiff_t)k * stride], size = value < 0 ? -value : value;
        magnitude = size > magnitude ? size : magnitude;
        poison += value * 0;
    }
    const GraftQuantization how = graft_column_quantization(magnitude, poison);
    uint32_t sum = 0;
    for (size_t k = 0; k < depth; k += 4) {
        uint32_t word = 0;
        for (size_t e = 0; e < 4 && k + e < depth && how.inverse != 0; e++) {
            const float shifted = __builtin_fmaf(b[(ptrdiff_t)(k + e) * stride], how.inverse, GRAFT_WHOLE_SHIFT);
            const uint32_t whole = graft_bits(shifted) - GRAFT_WHOLE_SHIFT_BITS;
            word |= (whole & 0xff) << 8 * e;
            sum += whole;
        }
        *to = word;
        to += to_stride;
    }
    to[0] = graft_bits(how.scale);
    to[to_stride] = sum;
}

#endif
