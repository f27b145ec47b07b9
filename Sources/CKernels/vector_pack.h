/// Packing the right side of products, in the terms of one instruction set. Include after `vector_product.h`.
///
/// Panel after panel, each rows of words × `PANEL_WIDTH`. The last panel is as many vectors wide as its columns need, and
/// filled up with zeros. Weights come transposed, each column's numbers side by side, or as they lie, each row's.
#include "vector_round.h"
#include "vector_tile.h"
#include "words.h"

static size_t packed_count(GraftFormat format, size_t depth, size_t columns) {
    const size_t rows = graft_word_count(format, depth) + (format == GRAFT_INT8 ? INT8_PANEL_ROWS : 0);
    return rows * ((columns + LANES - 1) / LANES * LANES);
}

// MARK: Transposed

typedef uint32_t FourWords __attribute__((vector_size(16)));

static inline FourWords load_four(const Word *from) {
    FourWords four;
    memcpy(&four, from, sizeof four);
    return four;
}

/// to[c · to_stride + r] = from[r · from_stride + c]
static void transpose_words(const Word *from, ptrdiff_t from_stride, size_t rows, size_t columns, Word *to,
                            size_t to_stride) {
    size_t r = 0;
    for (; r + 4 <= rows; r += 4, from += 4 * from_stride) {
        size_t c = 0;
        for (; c + 4 <= columns; c += 4) {
            const FourWords w0 = load_four(from + c), w1 = load_four(from + from_stride + c);
            const FourWords w2 = load_four(from + 2 * from_stride + c), w3 = load_four(from + 3 * from_stride + c);
            const FourWords low01 = __builtin_shufflevector(w0, w1, 0, 4, 1, 5);
            const FourWords low23 = __builtin_shufflevector(w2, w3, 0, 4, 1, 5);
            const FourWords high01 = __builtin_shufflevector(w0, w1, 2, 6, 3, 7);
            const FourWords high23 = __builtin_shufflevector(w2, w3, 2, 6, 3, 7);
            const FourWords turned[4] = {
                __builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                __builtin_shufflevector(high01, high23, 2, 3, 6, 7),
            };
#pragma clang loop unroll(full)
            for (size_t i = 0; i < 4; i++) {
                memcpy(to + (c + i) * to_stride + r, &turned[i], sizeof turned[i]);
            }
        }
        for (; c < columns; c++) {
            for (size_t i = 0; i < 4; i++) {
                to[c * to_stride + r + i] = from[(ptrdiff_t)i * from_stride + (ptrdiff_t)c];
            }
        }
    }
    for (; r < rows; r++, from += from_stride) {
        for (size_t c = 0; c < columns; c++) {
            to[c * to_stride + r] = from[c];
        }
    }
}

/// The whole number of `GRAFT_WHOLE_SHIFT` + this, in the lowest byte alone where `usable` is all ones.
static inline Words weight_bytes(Vector value, Vector inverse, Words usable) {
    return (Words)multiply_add(value, inverse, splat(GRAFT_WHOLE_SHIFT)) & usable & 0xff;
}

static inline Words signed_byte(Words byte) {
    return (byte ^ 0x80) - 0x80;
}

static GraftQuantization column_quantization(const float *b, size_t depth) {
    Vector magnitude = splat(0), poison = splat(0);
    for (size_t k = 0; k < depth; k += LANES) {
        const Vector value = load_first(b + k, lanes_from(k, depth));
        magnitude = maximum((Vector)((Words)value & 0x7fffffff), magnitude);
        poison = multiply_add(value, splat(0), poison);
    }
    return graft_column_quantization(largest_magnitude(magnitude), poison_of(poison));
}

/// `count` weights of a column, from a multiple of `LANES` on, as words. Gives their sum.
static uint32_t quantize_weights(const float *b, size_t count, GraftQuantization how, Word *words) {
    const Words usable = splat_word(how.inverse == 0 ? 0 : ~0u);
    Words sums = splat_word(0);
    for (size_t k = 0; k < count; k += LANES) {
        const size_t lanes = lanes_from(k, count);
        const Words byte = weight_bytes(load_first(b + k, lanes), splat(how.inverse), usable);
        sums += signed_byte(byte);
        const ByteWords bytes = __builtin_convertvector(byte, ByteWords);
        memcpy(words + k / 4, &bytes, sizeof bytes);
    }
    return __builtin_reduce_add(sums);
}

/// A panel of columns whose numbers lie side by side, `column_stride` apart.
static void pack_transposed(GraftFormat format, const float *b, ptrdiff_t column_stride, size_t depth, size_t columns,
                            Word *packed, size_t width) {
    if (format == GRAFT_FLOAT32) {
        transpose_words((const Word *)(const void *)b, column_stride, columns, depth, packed, width);
        return;
    }
    enum { GROUP = 16, CHUNK = 64 };
    Word words[GROUP][CHUNK];
    const size_t each = format == GRAFT_INT8 ? 4 : 2, count = graft_word_count(format, depth);
    for (size_t c = 0; c < columns; c += GROUP, b += GROUP * column_stride) {
        const size_t now = columns - c < GROUP ? columns - c : GROUP;
        GraftQuantization how[GROUP];
        uint32_t sums[GROUP] = {0};
        for (size_t i = 0; i < now && format == GRAFT_INT8; i++) {
            how[i] = column_quantization(b + (ptrdiff_t)i * column_stride, depth);
        }
        for (size_t k = 0; k < count; k += CHUNK) {
            const size_t chunk = count - k < CHUNK ? count - k : CHUNK;
            const size_t elements = depth - k * each < chunk * each ? depth - k * each : chunk * each;
            for (size_t i = 0; i < now; i++) {
                const float *column = b + (ptrdiff_t)i * column_stride + (ptrdiff_t)(k * each);
                if (format == GRAFT_INT8) {
                    sums[i] += quantize_weights(column, elements, how[i], words[i]);
                } else {
                    round_rows(column, 0, 1, elements, words[i], 0);
                }
            }
            transpose_words(words[0], CHUNK, now, chunk, packed + k * width + c, width);
        }
        for (size_t i = 0; i < now && format == GRAFT_INT8; i++) {
            packed[count * width + c + i] = graft_bits(how[i].scale);
            packed[(count + 1) * width + c + i] = sums[i];
        }
    }
}

// MARK: As it lies

/// One vector of columns in int8.
static void pack_int8_vector(const float *b, ptrdiff_t depth_stride, size_t depth, size_t lanes, Word *packed,
                             size_t width) {
    Vector magnitude = splat(0), poison = splat(0);
    for (size_t k = 0; k < depth; k++) {
        const Vector value = load_first(b + (ptrdiff_t)k * depth_stride, lanes);
        magnitude = maximum((Vector)((Words)value & 0x7fffffff), magnitude);
        poison = multiply_add(value, splat(0), poison);
    }
    // graft_column_quantization
    const Words usable = (Words)(poison == splat(0)) & (Words)(magnitude >= splat(GRAFT_LEAST_RANGE));
    const Vector scale = choose(usable, magnitude / splat(127), poison);
    const Vector inverse = choose(usable, splat(127) / magnitude, splat(0));
    Words sums = splat_word(0);
    for (size_t k = 0; k < depth; k += 4) {
        Words words = splat_word(0);
        for (size_t e = 0; e < 4 && k + e < depth; e++) {
            const Vector value = load_first(b + (ptrdiff_t)(k + e) * depth_stride, lanes);
            const Words byte = weight_bytes(value, inverse, usable);
            sums += signed_byte(byte);
            words |= byte << (uint32_t)(8 * e);
        }
        store((float *)(void *)packed, (Vector)words);
        packed += width;
    }
    store((float *)(void *)packed, scale);
    store((float *)(void *)(packed + width), (Vector)sums);
}

/// A panel of rows whose numbers lie side by side, `depth_stride` apart.
static void pack_as_it_lies(GraftFormat format, const float *b, ptrdiff_t depth_stride, size_t depth, size_t columns,
                            Word *packed, size_t width) {
    switch (format) {
    case GRAFT_FLOAT32:
        for (size_t k = 0; k < depth; k++) {
            memcpy(packed + k * width, b + (ptrdiff_t)k * depth_stride, columns * sizeof(Word));
        }
        break;
    case GRAFT_BFLOAT16:
        round_row_pairs(b, depth_stride, depth, columns, packed, (ptrdiff_t)width);
        break;
    case GRAFT_INT8:
        for (size_t c = 0; c < columns; c += LANES) {
            pack_int8_vector(b + c, depth_stride, depth, lanes_from(c, columns), packed + c, width);
        }
        break;
    }
}

// MARK: Panels

static void pack(GraftFormat format, const float *b, ptrdiff_t depth_stride, ptrdiff_t column_stride, size_t depth,
                 size_t columns, void *packed) {
    Word *panel = packed;
    for (size_t j = 0; j < columns; j += PANEL_WIDTH) {
        const size_t left = columns - j < PANEL_WIDTH ? columns - j : PANEL_WIDTH;
        const size_t width = (left + LANES - 1) / LANES * LANES, count = packed_count(format, depth, left);
        const float *from = b + (ptrdiff_t)j * column_stride;
        if (left < width) {
            memset(panel, 0, count * sizeof(Word));
        }
        if (column_stride == 1) {
            pack_as_it_lies(format, from, depth_stride, depth, left, panel, width);
        } else if (depth_stride == 1) {
            pack_transposed(format, from, column_stride, depth, left, panel, width);
        } else {
            for (size_t c = 0; c < left; c++) {
                graft_pack_column(format, from + (ptrdiff_t)c * column_stride, depth_stride, depth, panel + c, width);
            }
        }
        panel += count;
    }
}
