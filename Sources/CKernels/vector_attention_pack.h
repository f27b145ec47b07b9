/// What attention's products read, made of a head's rows, in the terms of one instruction set.
#include "vector_pairs.h"
#include "vector_tile.h"

// MARK: Transposing

#if LANES == 16
#define LOW_LANES 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_LANES 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define LOW_LANES 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_LANES 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LOW_LANES 0, 4, 1, 5
#define HIGH_LANES 2, 6, 3, 7
#endif

/// Rows become columns: each round interleaves the first half of the vectors with the second.
CONSTANT_ARGUMENTS void transpose(Vector square[LANES]) {
#pragma clang loop unroll(full)
    for (size_t round = 1; round < LANES; round *= 2) {
        Vector next[LANES];
#pragma clang loop unroll(full)
        for (size_t i = 0; i < LANES / 2; i++) {
            next[2 * i] = __builtin_shufflevector(square[i], square[i + LANES / 2], LOW_LANES);
            next[2 * i + 1] = __builtin_shufflevector(square[i], square[i + LANES / 2], HIGH_LANES);
        }
#pragma clang loop unroll(full)
        for (size_t i = 0; i < LANES; i++) {
            square[i] = next[i];
        }
    }
}

/// The words from `word` on of a row of `width` numbers, and zeros behind its end.
CONSTANT_ARGUMENTS Vector row_words(const GraftFormat format, const float *row, size_t word, size_t width) {
    if (format == GRAFT_FLOAT32) {
        return load_first(row + word, lanes_from(word, width));
    }
    const size_t left = 2 * word, right = left + LANES;
    const Vector second = right < width ? load_first(row + right, lanes_from(right, width)) : splat(0);
    return (Vector)pair_columns(load_first(row + left, lanes_from(left, width)), second);
}

CONSTANT_ARGUMENTS void pack_rows_as_columns(const GraftFormat format, const float *x, ptrdiff_t stride, size_t length,
                                             size_t columns, size_t width, Word *packed) {
    const size_t depth = graft_word_count(format, width);
    for (size_t panel = 0; panel < columns; panel += PANEL_WIDTH) {
        const size_t panel_width = columns - panel < PANEL_WIDTH ? columns - panel : PANEL_WIDTH;
        for (size_t j = 0; j < panel_width; j += LANES) {
            const size_t rows = lanes_from(panel + j, length);
            const float *from = x + (ptrdiff_t)(panel + j) * stride;
            for (size_t k = 0; k < depth; k += LANES) {
                const size_t words = lanes_from(k, depth);
                Vector square[LANES];
#pragma clang loop unroll(full)
                for (size_t i = 0; i < LANES; i++) {
                    square[i] = i < rows ? row_words(format, from + (ptrdiff_t)i * stride, k, width) : splat(0);
                }
                transpose(square);
                float *to = (float *)(void *)(packed + k * panel_width + j);
#pragma clang loop unroll(full)
                for (size_t i = 0; i < LANES; i++) {
                    if (i < words) {
                        store(to + i * panel_width, square[i]);
                    }
                }
            }
        }
        packed += depth * panel_width;
    }
}

/// Packs xᵀ as `pack` does, a square of vectors at a time. From `length` on its columns, of which there are `columns`, a
/// multiple of `LANES`, are zeros.
static void pack_head(GraftFormat format, const float *x, ptrdiff_t stride, size_t length, size_t columns, size_t width,
                      Word *packed) {
    if (format == GRAFT_FLOAT32) {
        pack_rows_as_columns(GRAFT_FLOAT32, x, stride, length, columns, width, packed);
    } else {
        pack_rows_as_columns(GRAFT_BFLOAT16, x, stride, length, columns, width, packed);
    }
}

// MARK: Rounding

/// Words that a product reads, and how far their rows lie apart.
typedef struct {
    const void *start;
    ptrdiff_t stride;
} Operand;

/// Rows as they lie, or rounded to words along each row, at `place`.
static Operand rows_operand(GraftFormat format, const float *x, ptrdiff_t stride, size_t rows, size_t width, Word *place) {
    if (format == GRAFT_FLOAT32) {
        return (Operand){x, stride};
    }
    const size_t count = graft_word_count(format, width);
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < count; k += LANES) {
            const Vector words = row_words(GRAFT_BFLOAT16, x + (ptrdiff_t)i * stride, k, width);
            store_first((float *)(void *)(place + i * count + k), words, lanes_from(k, count));
        }
    }
    return (Operand){place, (ptrdiff_t)count};
}

/// Rows as they lie, or rounded to words of two rows, at `place`.
static Operand pairs_operand(GraftFormat format, const float *x, ptrdiff_t stride, size_t rows, size_t width, Word *place) {
    if (format == GRAFT_FLOAT32) {
        return (Operand){x, stride};
    }
    for (size_t i = 0; i < rows; i += 2) {
        const float *upper = x + (ptrdiff_t)i * stride;
        for (size_t j = 0; j < width; j += LANES) {
            const size_t lanes = lanes_from(j, width);
            const Vector lower = i + 1 < rows ? load_first(upper + stride + j, lanes) : splat(0);
            const Vector words = (Vector)pair_rows(load_first(upper + j, lanes), lower);
            store_first((float *)(void *)(place + i / 2 * width + j), words, lanes);
        }
    }
    return (Operand){place, (ptrdiff_t)width};
}
