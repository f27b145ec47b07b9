/// Rounding and quantizing rows, in the terms of one instruction set.
#include "vector_lanes.h"
#include "words.h"

typedef uint16_t ShortWords __attribute__((vector_size(2 * LANES)));
typedef uint8_t ByteWords __attribute__((vector_size(LANES)));

// MARK: bfloat16

/// graft_rounded_bits
static inline Words rounded_bits(Vector value) {
    const Words bits = (Words)value;
    const Words rounded = bits + 0x7fff + (bits >> 16 & 1);
    const Words subnormal = (Words)((bits & 0x7f800000) == 0);
    const Words normal = (subnormal & bits & 0x80000000) | (~subnormal & rounded);
    const Words unordered = (Words)(value != value);
    return (unordered & (bits | 0x00400000)) | (~unordered & normal);
}

static void round_rows(const float *x, ptrdiff_t row_stride, size_t rows, size_t columns, void *words,
                       ptrdiff_t words_stride) {
    Word *to = words;
    for (size_t i = 0; i < rows; i++, x += row_stride, to += words_stride) {
        size_t j = 0;
        for (; j + LANES <= columns; j += LANES) {
            const ShortWords halves = __builtin_convertvector(rounded_bits(load(x + j)) >> 16, ShortWords);
            memcpy(to + j / 2, &halves, sizeof halves);
        }
        for (; j < columns; j += 2) {
            to[j / 2] = graft_bfloat16_word(x[j], j + 1 < columns ? x[j + 1] : 0);
        }
    }
}

static void round_row_pairs(const float *x, ptrdiff_t row_stride, size_t rows, size_t columns, void *words,
                            ptrdiff_t words_stride) {
    Word *to = words;
    for (size_t i = 0; i < rows; i += 2, x += 2 * row_stride, to += words_stride) {
        const bool has_second = i + 1 < rows;
        for (size_t j = 0; j < columns; j += LANES) {
            const size_t lanes = lanes_from(j, columns);
            const Words first = rounded_bits(load_first(x + j, lanes)) >> 16;
            Words second = splat_word(0);
            if (has_second) {
                second = rounded_bits(load_first(x + row_stride + j, lanes)) & 0xffff0000;
            }
            store_first((float *)(void *)(to + j), (Vector)(first | second), lanes);
        }
    }
}

// MARK: int8

/// The lanes' smallest or largest.
static inline float least_of(Vector vector) {
    float least = vector[0];
    for (size_t i = 1; i < LANES; i++) {
        least = vector[i] < least ? vector[i] : least;
    }
    return least;
}

static inline GraftQuantization row_quantization(const float *x, size_t columns) {
    Vector lowest = splat(0), highest = splat(0), poison = splat(0);
    for (size_t j = 0; j < columns; j += LANES) {
        const Vector value = load_first(x + j, lanes_from(j, columns));
        lowest = minimum(value, lowest);
        highest = maximum(value, highest);
        poison = multiply_add(value, splat(0), poison);
    }
    float poisoned = 0;
    for (size_t i = 0; i < LANES; i++) {
        poisoned += poison[i];
    }
    return graft_row_quantization(least_of(lowest), -least_of(-highest), poisoned);
}

/// Bytes in whole words: what `graft_quantized_byte` gives.
static inline Words quantized(Vector value, GraftQuantization how) {
    const Vector least = splat(GRAFT_WHOLE_SHIFT), most = splat(GRAFT_WHOLE_SHIFT + 255);
    const Vector shifted = multiply_add(value, splat(how.inverse), splat(GRAFT_WHOLE_SHIFT + how.zero));
    return (Words)minimum(maximum(shifted, least), most) & 0xff;
}

static void quantize_rows(const float *x, ptrdiff_t row_stride, size_t rows, size_t columns, void *words,
                          ptrdiff_t words_stride, GraftRowScale *scales) {
    Word *to = words;
    for (size_t i = 0; i < rows; i++, x += row_stride, to += words_stride) {
        const GraftQuantization how = row_quantization(x, columns);
        scales[i] = (GraftRowScale){how.scale, (int32_t)how.zero};
        const size_t count = graft_word_count(GRAFT_INT8, columns);
        if (how.inverse == 0) {
            memset(to, 0, count * sizeof(Word));
            continue;
        }
        size_t j = 0;
        for (; j + LANES <= columns; j += LANES) {
            const ByteWords bytes = __builtin_convertvector(quantized(load(x + j), how), ByteWords);
            memcpy(to + j / 4, &bytes, sizeof bytes);
        }
        if (j < columns) {
            const ByteWords bytes = __builtin_convertvector(quantized(load_first(x + j, columns - j), how), ByteWords);
            uint8_t padded[LANES] = {0};
            memcpy(padded, &bytes, columns - j);
            memcpy(to + j / 4, padded, (count - j / 4) * sizeof(Word));
        }
    }
}
