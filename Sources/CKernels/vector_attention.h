/// Attention in the terms of one instruction set. A file of an instruction set includes this once, after `vector_product.h`
/// and `vector_rows.h`.
///
/// A head is worked on in blocks of rows of scores that stay in the second-level cache. For each block there are the products
/// and, between them, one walk over its rows. What rounds, and where blocks are cut, follows from the text's length and the
/// head's width alone.
#include <stddef.h>
#include <stdint.h>

#include "CKernels.h"
#include "dropout.h"

#pragma STDC FP_CONTRACT OFF

// MARK: Powers of two

/// 2^x for x ≤ 0, within 1.6e-7 of itself; 2^−125 for what is less than −125.
///
/// x = n + r with |r| ≤ ½, and a polynomial of least relative error that is 1 at 0. It lies between ½ and 2, so n can be
/// added to its exponent.
static inline Vector power_of_two(Vector x) {
    // 1.5 · 2²³: what this is added to is rounded to an integer, which then stands in the last bits.
    const Vector rounder = splat(12582912.0f);
    const Vector bounded = maximum(splat(-125), x);
    const Vector shifted = bounded + rounder;
    const Vector r = bounded - (shifted - rounder);
    Vector power = splat(0.0013264727f);
    power = multiply_add(power, r, splat(0.009671513f));
    power = multiply_add(power, r, splat(0.055507336f));
    power = multiply_add(power, r, splat(0.24022242f));
    power = multiply_add(power, r, splat(0.693147f));
    power = multiply_add(power, r, splat(1));
    return (Vector)((Words)power + ((Words)shifted << 23));
}

// MARK: Scratch

/// One head's places in the caller's scratch.
typedef struct {
    /// Columns of a block of scores: the text's length in whole lines.
    size_t columns;
    /// Floats from one row of scores to the next: an odd number of lines, so that rows that are read side by side fall on
    /// different places of the cache.
    size_t stride;
    /// Rows of a block.
    size_t rows;
    /// 0 for each column of the text, and −∞ for those that fill the last line up: added to scores.
    float *edge;
    /// Kᵀ and Vᵀ, packed.
    float *keys, *values;
    /// Blocks of P and of dP, and of what dropout leaves of P.
    float *p, *dp, *kept;
    /// A number for each row of a block.
    float *sums;
    float *end;
} HeadScratch;

enum {
    LINE = 16,
    /// Floats of a block of scores: 128 KB.
    BLOCK_FLOATS = 32768,
    /// As many rows as the widest tiles take at once, however long a row is.
    LEAST_BLOCK_ROWS = 12,
};

static size_t whole_lines(size_t count) {
    return (count + LINE - 1) / LINE * LINE;
}

static HeadScratch lay_out_head(size_t length, size_t width, float *start) {
    const size_t columns = whole_lines(length), stride = (columns / LINE | 1) * LINE;
    const size_t most = BLOCK_FLOATS / stride < LEAST_BLOCK_ROWS ? LEAST_BLOCK_ROWS : BLOCK_FLOATS / stride;
    HeadScratch scratch = {.columns = columns, .stride = stride, .rows = length < most ? length : most};
    const size_t panels = packed_count(width, columns), block = scratch.rows * stride;
    scratch.edge = start;
    scratch.keys = scratch.edge + columns;
    scratch.values = scratch.keys + panels;
    scratch.p = scratch.values + panels;
    scratch.dp = scratch.p + block;
    scratch.kept = scratch.dp + block;
    scratch.sums = scratch.kept + block;
    scratch.end = scratch.sums + scratch.rows;
    return scratch;
}

static size_t attention_scratch(size_t length, size_t width) {
    static float start[1];
    return (size_t)(lay_out_head(length, width, start).end - start);
}

// MARK: Turning

static inline Vector interleave_low(Vector x, Vector y) {
#if LANES == 16
    return __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif LANES == 8
    return __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
#else
    return __builtin_shufflevector(x, y, 0, 4, 1, 5);
#endif
}

static inline Vector interleave_high(Vector x, Vector y) {
#if LANES == 16
    return __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif LANES == 8
    return __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    return __builtin_shufflevector(x, y, 2, 6, 3, 7);
#endif
}

/// Rows become columns: each round interleaves the first half of the vectors with the second.
static inline __attribute__((always_inline)) void transpose(Vector square[LANES]) {
#pragma clang loop unroll(full)
    for (size_t round = 1; round < LANES; round *= 2) {
        Vector next[LANES];
#pragma clang loop unroll(full)
        for (size_t i = 0; i < LANES / 2; i++) {
            next[2 * i] = interleave_low(square[i], square[i + LANES / 2]);
            next[2 * i + 1] = interleave_high(square[i], square[i + LANES / 2]);
        }
#pragma clang loop unroll(full)
        for (size_t i = 0; i < LANES; i++) {
            square[i] = next[i];
        }
    }
}

/// Packs b(k, j) = x[j · row_stride + k], as `pack` does, a square of vectors at a time. From `length` on the columns of b, of
/// which there are `columns`, are zeros.
static void pack_transposed(const float *x, ptrdiff_t row_stride, size_t length, size_t columns, size_t depth,
                            float *packed) {
    for (size_t first = 0; first < columns; first += PANEL_WIDTH) {
        const size_t panel_width = columns - first < PANEL_WIDTH ? columns - first : PANEL_WIDTH;
        for (size_t j = 0; j < panel_width; j += LANES) {
            const size_t rows = lanes_from(first + j, length);
            for (size_t k = 0; k < depth; k += LANES) {
                const float *from = x + (ptrdiff_t)(first + j) * row_stride + k;
                const size_t lanes = lanes_from(k, depth);
                Vector square[LANES];
#pragma clang loop unroll(full)
                for (size_t i = 0; i < LANES; i++) {
                    square[i] = i < rows ? load_first(from + (ptrdiff_t)i * row_stride, lanes) : splat(0);
                }
                transpose(square);
#pragma clang loop unroll(full)
                for (size_t i = 0; i < LANES; i++) {
                    if (i < lanes) {
                        store(packed + (k + i) * panel_width + j, square[i]);
                    }
                }
            }
        }
        packed += depth * panel_width;
    }
}

// MARK: Rows of scores

/// The dropout mask of one head. An element's index is row · length + column.
typedef struct {
    GraftDropoutKeyWords words;
    uint32_t threshold;
} HeadMask;

/// Ones where the element of that index, to which `words.first` was added, is kept: `graft_dropout_hash`.
static inline Words kept_by(const HeadMask *mask, Words indices) {
    Words h = (indices ^ (indices >> 16)) * GRAFT_DROPOUT_MULTIPLIER_1 + mask->words.second;
    h = (h ^ (h >> 15)) * GRAFT_DROPOUT_MULTIPLIER_2;
    return (Words)(h >= splat_word(mask->threshold));
}

/// What one row's walk needs to know.
typedef struct {
    /// Whole lines.
    size_t columns;
    /// A score's power is 2^(exponent · score + shift).
    Vector exponent, shift;
    /// NULL if nothing is dropped.
    const HeadMask *mask;
    /// The mask's indices of the first columns.
    Words first;
} RowWalk;

static inline Vector line_maximum(const float *x, Vector most) {
#pragma clang loop unroll(full)
    for (size_t v = 0; v < LINE_VECTORS; v++) {
        most = maximum(most, load(x + v * LANES));
    }
    return most;
}

static inline float row_maximum(const float *x, size_t columns) {
    Vector even = splat(-__builtin_inff()), odd = even;
    size_t at = 0;
    for (; at + LINE < columns; at += 2 * LINE) {
        even = line_maximum(x + at, even);
        odd = line_maximum(x + at + LINE, odd);
    }
    if (at < columns) {
        even = line_maximum(x + at, even);
    }
    return largest(maximum(even, odd));
}

/// One line of the forward's walk, in place.
static inline __attribute__((always_inline)) void line_of_powers(const RowWalk *walk, float *x, size_t at, bool drops,
                                                                 Vector sums[LINE_VECTORS]) {
#pragma clang loop unroll(full)
    for (size_t v = 0; v < LINE_VECTORS; v++, at += LANES) {
        Vector power = power_of_two(multiply_add(load(x + at), walk->exponent, walk->shift));
        sums[v] += power;
        if (drops) {
            power = (Vector)((Words)power & kept_by(walk->mask, walk->first + (uint32_t)at));
        }
        store(x + at, power);
    }
}

/// Scores become what dropout leaves of their powers; returns the sum of all powers.
static inline __attribute__((always_inline)) float row_of_powers(RowWalk walk, float *x, bool drops) {
    Vector sums[SUM_VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < SUM_VECTORS; v++) {
        sums[v] = splat(0);
    }
    size_t at = 0;
    for (; at + LINE < walk.columns; at += 2 * LINE) {
        line_of_powers(&walk, x, at, drops, sums);
        line_of_powers(&walk, x, at + LINE, drops, sums + LINE_VECTORS);
    }
    if (at < walk.columns) {
        line_of_powers(&walk, x, at, drops, sums);
    }
    return total(sums);
}

/// One line of the backward's first walk: scores become P, `kept` what dropout leaves of it, and the sums gain kept · dP.
static inline __attribute__((always_inline)) void line_of_probabilities(const RowWalk *walk, Vector inverse, float *x,
                                                                        const float *dp, float *kept, size_t at,
                                                                        bool drops, Vector sums[LINE_VECTORS]) {
#pragma clang loop unroll(full)
    for (size_t v = 0; v < LINE_VECTORS; v++, at += LANES) {
        const Vector p = power_of_two(multiply_add(load(x + at), walk->exponent, walk->shift)) * inverse;
        store(x + at, p);
        Vector left = p;
        if (drops) {
            left = (Vector)((Words)p & kept_by(walk->mask, walk->first + (uint32_t)at));
            store(kept + at, left);
        }
        if (dp != NULL) {
            sums[v] = multiply_add(left, load(dp + at), sums[v]);
        }
    }
}

static inline __attribute__((always_inline)) float row_of_probabilities(RowWalk walk, float inverse, float *x,
                                                                        const float *dp, float *kept, bool drops) {
    Vector sums[SUM_VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < SUM_VECTORS; v++) {
        sums[v] = splat(0);
    }
    const Vector inverses = splat(inverse);
    size_t at = 0;
    for (; at + LINE < walk.columns; at += 2 * LINE) {
        line_of_probabilities(&walk, inverses, x, dp, kept, at, drops, sums);
        line_of_probabilities(&walk, inverses, x, dp, kept, at + LINE, drops, sums + LINE_VECTORS);
    }
    if (at < walk.columns) {
        line_of_probabilities(&walk, inverses, x, dp, kept, at, drops, sums);
    }
    return total(sums);
}

/// dS = kept ⊙ dP − sum · P, over dP.
static inline __attribute__((always_inline)) void row_of_score_gradients(const float *p, const float *kept, float *dp,
                                                                         float sum, size_t columns) {
    const Vector minus_sum = splat(-sum);
    for (size_t at = 0; at < columns; at += LINE) {
#pragma clang loop unroll(full)
        for (size_t v = 0; v < LINE_VECTORS; v++) {
            const size_t j = at + v * LANES;
            store(dp + j, multiply_add(load(kept + j), load(dp + j), load(p + j) * minus_sum));
        }
    }
}

// MARK: One head

/// a · b, where `b` is packed if its stride is 0.
static void multiply(const float *a, ptrdiff_t a_row_stride, ptrdiff_t a_depth_stride, const float *b, ptrdiff_t b_stride,
                     size_t rows, size_t depth, size_t columns, const float *bias, float scale, bool accumulate,
                     float *out, ptrdiff_t out_stride) {
    const GraftProduct p = {
        .rows = rows,
        .columns = columns,
        .depth = depth,
        .a = a,
        .a_row_stride = a_row_stride,
        .a_depth_stride = a_depth_stride,
        .b = b,
        .b_depth_stride = b_stride,
        .out = out,
        .out_row_stride = out_stride,
        .bias = bias,
        .scale = scale,
        .accumulate = accumulate,
    };
    product(&p);
}

static void write_edge(const HeadScratch *scratch, size_t length) {
    for (size_t j = 0; j < scratch->columns; j++) {
        scratch->edge[j] = j < length ? 0 : -__builtin_inff();
    }
}

static inline void fetch(const float *row, size_t width) {
    for (size_t at = 0; at < width; at += LINE) {
        __builtin_prefetch(row + at, 0, 2);
    }
}

/// Asks for one row of the next head: a head's rows lie far apart, so no processor guesses them, and each would be waited for
/// as it comes from the third-level cache.
static inline void fetch_next_head(const GraftAttention *t, const GraftAttentionGradients *d, size_t head, size_t row) {
    if (head + 1 == t->heads) {
        return;
    }
    const size_t column = (head + 1) * t->width;
    const ptrdiff_t i = (ptrdiff_t)row;
    fetch(t->query + i * t->query_stride + column, t->width);
    fetch(t->key + i * t->key_stride + column, t->width);
    fetch(t->value + i * t->value_stride + column, t->width);
    if (d == NULL) {
        fetch(t->context + i * t->context_stride + column, t->width);
        return;
    }
    fetch(d->context + i * d->context_stride + column, t->width);
    if (d->query != NULL) {
        fetch(d->query + i * d->query_stride + column, t->width);
    }
    if (d->key != NULL) {
        fetch(d->key + i * d->key_stride + column, t->width);
    }
    if (d->value != NULL) {
        fetch(d->value + i * d->value_stride + column, t->width);
    }
}

static const float log2_of_e = 1.44269504f;

static HeadMask head_mask(const GraftAttention *attention, size_t head) {
    const uint32_t stream = (uint32_t)(attention->dropout_stream + head);
    return (HeadMask){graft_dropout_key_words(attention->dropout_key, stream),
                      graft_dropout_threshold(attention->dropout_rate)};
}

static RowWalk row_walk(const GraftAttention *attention, const HeadScratch *scratch, const HeadMask *mask, size_t row,
                        float shift) {
    return (RowWalk){
        .columns = scratch->columns,
        .exponent = splat(attention->scale * log2_of_e),
        .shift = splat(shift),
        .mask = mask,
        .first = lane_numbers() + splat_word((uint32_t)(row * attention->length) + mask->words.first),
    };
}

static void attention(const GraftAttention *t) {
    const size_t length = t->length, width = t->width;
    if (length == 0 || width == 0) {
        return;
    }
    const HeadScratch scratch = lay_out_head(length, width, t->scratch);
    write_edge(&scratch, length);
    const ptrdiff_t stride = (ptrdiff_t)scratch.stride;
    const bool drops = t->dropout_rate > 0;
    const float kept_scale = graft_dropout_scale(t->dropout_rate);

    for (size_t head = 0; head < t->heads; head++) {
        const HeadMask mask = head_mask(t, head);
        const size_t first_column = head * width;
        float *statistics = t->statistics == NULL ? NULL : t->statistics + 2 * head * length;
        pack_transposed(t->key + first_column, t->key_stride, length, scratch.columns, width, scratch.keys);
        for (size_t row = 0; row < length; row += scratch.rows) {
            const size_t rows = length - row < scratch.rows ? length - row : scratch.rows;
            multiply(t->query + (ptrdiff_t)row * t->query_stride + first_column, t->query_stride, 1, scratch.keys, 0, rows,
                     width, scratch.columns, scratch.edge, 1, false, scratch.p, stride);
            for (size_t i = 0; i < rows; i++) {
                float *x = scratch.p + i * scratch.stride;
                fetch_next_head(t, NULL, head, row + i);
                const float shift = -(row_maximum(x, scratch.columns) * (t->scale * log2_of_e));
                const RowWalk walk = row_walk(t, &scratch, &mask, row + i, shift);
                const float sum = drops ? row_of_powers(walk, x, true) : row_of_powers(walk, x, false);
                const float inverse = 1 / sum;
                scratch.sums[i] = inverse * kept_scale;
                if (statistics != NULL) {
                    statistics[2 * (row + i)] = shift;
                    statistics[2 * (row + i) + 1] = inverse;
                }
            }
            float *context = t->context + (ptrdiff_t)row * t->context_stride + first_column;
            multiply(scratch.p, stride, 1, t->value + first_column, t->value_stride, rows, length, width, NULL, 1, false,
                     context, t->context_stride);
            for (size_t i = 0; i < rows; i++) {
                float *out = context + (ptrdiff_t)i * t->context_stride;
                for (size_t at = 0; at < width; at += LANES) {
                    const size_t lanes = lanes_from(at, width);
                    store_first(out + at, load_first(out + at, lanes) * splat(scratch.sums[i]), lanes);
                }
            }
        }
    }
}

static void attention_backward(const GraftAttention *t, const GraftAttentionGradients *d) {
    const size_t length = t->length, width = t->width;
    if (length == 0 || width == 0) {
        return;
    }
    const HeadScratch scratch = lay_out_head(length, width, t->scratch);
    write_edge(&scratch, length);
    const ptrdiff_t stride = (ptrdiff_t)scratch.stride;
    const bool drops = t->dropout_rate > 0, reaches_scores = d->query != NULL || d->key != NULL;
    const float kept_scale = graft_dropout_scale(t->dropout_rate);
    float *kept = drops ? scratch.kept : scratch.p;

    for (size_t head = 0; head < t->heads; head++) {
        const HeadMask mask = head_mask(t, head);
        const size_t first_column = head * width;
        const float *statistics = t->statistics + 2 * head * length;
        const float *query = t->query + first_column, *key = t->key + first_column, *value = t->value + first_column;
        const float *d_context = d->context + first_column;
        pack_transposed(key, t->key_stride, length, scratch.columns, width, scratch.keys);
        if (reaches_scores) {
            pack_transposed(value, t->value_stride, length, scratch.columns, width, scratch.values);
        }
        for (size_t row = 0; row < length; row += scratch.rows) {
            const size_t rows = length - row < scratch.rows ? length - row : scratch.rows;
            const float *query_rows = query + (ptrdiff_t)row * t->query_stride;
            const float *d_context_rows = d_context + (ptrdiff_t)row * d->context_stride;
            multiply(query_rows, t->query_stride, 1, scratch.keys, 0, rows, width, scratch.columns, scratch.edge, 1, false,
                     scratch.p, stride);
            if (reaches_scores) {
                multiply(d_context_rows, d->context_stride, 1, scratch.values, 0, rows, width, scratch.columns, NULL, 1,
                         false, scratch.dp, stride);
            }
            for (size_t i = 0; i < rows; i++) {
                const size_t at = i * scratch.stride;
                fetch_next_head(t, d, head, row + i);
                const RowWalk walk = row_walk(t, &scratch, &mask, row + i, statistics[2 * (row + i)]);
                const float inverse = statistics[2 * (row + i) + 1];
                const float *dp = reaches_scores ? scratch.dp + at : NULL;
                const float sum =
                    drops ? row_of_probabilities(walk, inverse, scratch.p + at, dp, kept + at, true)
                          : row_of_probabilities(walk, inverse, scratch.p + at, dp, kept + at, false);
                if (reaches_scores) {
                    row_of_score_gradients(scratch.p + at, kept + at, scratch.dp + at, sum, scratch.columns);
                }
            }
            const bool is_later = row > 0;
            if (d->value != NULL) {
                multiply(kept, 1, stride, d_context_rows, d->context_stride, length, rows, width, NULL, kept_scale, is_later,
                         d->value + first_column, d->value_stride);
            }
            const float scale = t->scale * kept_scale;
            if (d->query != NULL) {
                multiply(scratch.dp, stride, 1, key, t->key_stride, rows, length, width, NULL, scale, false,
                         d->query + (ptrdiff_t)row * d->query_stride + first_column, d->query_stride);
            }
            if (d->key != NULL) {
                multiply(scratch.dp, 1, stride, query_rows, t->query_stride, length, rows, width, NULL, scale, is_later,
                         d->key + first_column, d->key_stride);
            }
        }
    }
}
