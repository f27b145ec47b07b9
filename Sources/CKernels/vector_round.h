/// Rounding and quantizing rows, in the terms of one instruction set. One with an instruction for it defines `ROUNDS_PAIRS`
/// and round_lanes(value), which rounds a vector to as many bfloat16.
#ifndef GRAFT_VECTOR_ROUND_H
#define GRAFT_VECTOR_ROUND_H

#include "vector_lanes.h"
#include "words.h"

typedef uint16_t ShortWords __attribute__((vector_size(2 * LANES)));
typedef uint8_t ByteWords __attribute__((vector_size(LANES)));

// MARK: bfloat16

#if defined(ROUNDS_PAIRS)
/// The lanes in bfloat16.
static inline ShortWords rounded(Vector value) {
    return round_lanes(value);
}

/// The lanes in bfloat16, each in the lower half of its lane.
static inline Words rounded_words(Vector value) {
    return __builtin_convertvector(rounded(value), Words);
}
#else
/// graft_rounded_bits, moved down.
static inline Words rounded_words(Vector value) {
    const Words bits = (Words)value;
    const Words nearest = bits + 0x7fff + (bits >> 16 & 1);
    const Words subnormal = (Words)((bits & 0x7f800000) == 0);
    const Words normal = (subnormal & bits & 0x80000000) | (~subnormal & nearest);
    const Words unordered = (Words)(value != value);
    return ((unordered & (bits | 0x00400000)) | (~unordered & normal)) >> 16;
}

static inline ShortWords rounded(Vector value) {
    return __builtin_convertvector(rounded_words(value), ShortWords);
}
#endif

static void round_rows(const float *x, ptrdiff_t row_stride, size_t rows, size_t columns, void *words,
                       ptrdiff_t words_stride) {
    Word *to = words;
    for (size_t i = 0; i < rows; i++, x += row_stride, to += words_stride) {
        size_t j = 0;
        for (; j + LANES <= columns; j += LANES) {
            const ShortWords halves = rounded(load(x + j));
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
            Words pair = rounded_words(load_first(x + j, lanes));
            if (has_second) {
                pair |= rounded_words(load_first(x + row_stride + j, lanes)) << 16;
            }
            store_first((float *)(void *)(to + j), (Vector)pair, lanes);
        }
    }
}

// MARK: int8

/// Vectors that are looked at side by side, so that none waits for the one before.
enum { RANGE_VECTORS = 4 };

/// The largest magnitude of the lanes, none of which is not a number: the bits of such are ordered as they are.
static inline float largest_magnitude(Vector vector) {
    return graft_float((uint32_t)__builtin_reduce_max((Integers)((Words)vector & 0x7fffffff)));
}

/// Not a number if a number of the row is not finite, else 0. Each lane was made by fma(x, 0, lane) from 0.
static inline float poison_of(Vector lanes) {
    return graft_float(__builtin_reduce_or((Words)lanes));
}

/// While it reads `x`, asks for `later`, if that is not NULL.
static inline GraftQuantization row_quantization(const float *x, size_t columns, const float *later) {
    Vector lowest[RANGE_VECTORS] = {0}, highest[RANGE_VECTORS] = {0}, poison[RANGE_VECTORS] = {0};
    size_t j = 0;
    for (; j + RANGE_VECTORS * LANES <= columns; j += RANGE_VECTORS * LANES) {
        if (later != NULL) {
#pragma clang loop unroll(full)
            for (size_t v = 0; v < RANGE_VECTORS; v += 16 / LANES) {
                __builtin_prefetch(later + j + v * LANES);
            }
        }
#pragma clang loop unroll(full)
        for (size_t v = 0; v < RANGE_VECTORS; v++) {
            const Vector value = load(x + j + v * LANES);
            lowest[v] = minimum(value, lowest[v]);
            highest[v] = maximum(value, highest[v]);
            poison[v] = multiply_add(value, splat(0), poison[v]);
        }
    }
    for (; j < columns; j += LANES) {
        const Vector value = load_first(x + j, lanes_from(j, columns));
        lowest[0] = minimum(value, lowest[0]);
        highest[0] = maximum(value, highest[0]);
        poison[0] = multiply_add(value, splat(0), poison[0]);
    }
    for (size_t v = 1; v < RANGE_VECTORS; v++) {
        lowest[0] = minimum(lowest[v], lowest[0]);
        highest[0] = maximum(highest[v], highest[0]);
        poison[0] = (Vector)((Words)poison[0] | (Words)poison[v]);
    }
    return graft_row_quantization(-largest_magnitude(lowest[0]), largest_magnitude(highest[0]), poison_of(poison[0]));
}

/// Bytes in whole words: what `graft_quantized_byte` gives.
static inline Words quantized(Vector value, GraftQuantization how) {
    const Vector least = splat(GRAFT_WHOLE_SHIFT), most = splat(GRAFT_WHOLE_SHIFT + 255);
    const Vector shifted = multiply_add(value, splat(how.inverse), splat(GRAFT_WHOLE_SHIFT + how.zero));
    return (Words)minimum(maximum(shifted, least), most) & 0xff;
}

/// Writes the bytes of a row.
static inline void quantize_row(const float *x, size_t columns, GraftQuantization how, Word *to) {
    const size_t count = graft_word_count(GRAFT_INT8, columns);
    if (how.inverse == 0) {
        memset(to, 0, count * sizeof(Word));
        return;
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

static void quantize_rows(const float *x, ptrdiff_t row_stride, size_t rows, size_t columns, void *words,
                          ptrdiff_t words_stride, GraftRowScale *scales) {
    // The ranges of a few rows first: folding one row's lanes is a chain, which then runs beside the next row's.
    enum { ROWS = 4 };
    GraftQuantization how[ROWS];
    // Activations of a large batch lie outside the second-level cache: they are asked for so many rows ahead.
    const size_t elements = 2048, ahead = elements / (columns + 1) + 1;
    Word *to = words;
    for (size_t i = 0; i < rows; i += ROWS) {
        const size_t now = rows - i < ROWS ? rows - i : ROWS;
        for (size_t r = 0; r < now; r++) {
            const float *row = x + (ptrdiff_t)r * row_stride;
            const float *later = i + r + ahead < rows ? row + (ptrdiff_t)ahead * row_stride : NULL;
            how[r] = row_quantization(row, columns, later);
            scales[i + r] = (GraftRowScale){how[r].scale, (int32_t)how[r].zero};
        }
        for (size_t r = 0; r < now; r++) {
            quantize_row(x, columns, how[r], to);
            x += row_stride;
            to += words_stride;
        }
    }
}

#endif
