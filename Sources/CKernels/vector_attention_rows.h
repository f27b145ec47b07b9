/// Attention's walks over rows of scores, in the terms of one instruction set.
///
/// Rows consist of whole lines of 16 numbers; where the text ends within a line, the scores behind its end are −∞. Walks go
/// by groups of `PARTIAL_SUMS` columns, of which the last may be half.
#ifndef GRAFT_VECTOR_ATTENTION_ROWS_H
#define GRAFT_VECTOR_ATTENTION_ROWS_H

#include "dropout.h"
#include "vector_pairs.h"
#include "vector_power.h"
#include "vector_sums.h"
#include "vector_tile.h"

enum { LINE = 16, GROUP = PARTIAL_SUMS };

// MARK: What a walk knows

/// The dropout mask of one head. An element's index is row · length + column.
typedef struct {
    GraftDropoutKeyWords words;
    uint32_t threshold;
} HeadMask;

typedef struct {
    /// Whole lines.
    size_t columns;
    /// A score's power is 2^(exponent · score + shift).
    Vector exponent, shift;
    HeadMask mask;
    /// The mask's indices of the first columns, its first word added.
    Words first;
} RowWalk;

/// Ones where the element is kept: `graft_dropout_hash`.
static inline Words kept_from(const RowWalk *walk, size_t column) {
    const Words h = walk->first + (uint32_t)column;
    const Words mixed = (h ^ (h >> 16)) * GRAFT_DROPOUT_MULTIPLIER_1 + walk->mask.words.second;
    return (Words)((mixed ^ (mixed >> 15)) * GRAFT_DROPOUT_MULTIPLIER_2 >= splat_word(walk->mask.threshold));
}

static inline Vector power_at(const RowWalk *walk, const float *x) {
    // What is less than 2^−64 of the row's greatest power, 1, becomes that: it is nothing beside it, and large enough that what
    // it is multiplied with does not become subnormal, which some processors are slow at. `maximum` gives its second argument
    // if one is not a number, which must come out again.
    return power_of_two(maximum(splat(-64), multiply_add(load(x), walk->exponent, walk->shift)));
}

static inline void store_words(float *to, Words words) {
    store(to, (Vector)words);
}

static inline void clear_sums(Vector sums[SUM_VECTORS]) {
#pragma clang loop unroll(full)
    for (size_t v = 0; v < SUM_VECTORS; v++) {
        sums[v] = splat(0);
    }
}

static inline float row_maximum(const float *x, size_t columns) {
    Vector most[SUM_VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < SUM_VECTORS; v++) {
        most[v] = splat(-__builtin_inff());
    }
    size_t at = 0;
    for (; at + LINE < columns; at += GROUP) {
#pragma clang loop unroll(full)
        for (size_t v = 0; v < SUM_VECTORS; v++) {
            most[v] = maximum(most[v], load(x + at + v * LANES));
        }
    }
    for (size_t v = 0; at < columns; v++, at += LANES) {
        most[v] = maximum(most[v], load(x + at));
    }
#pragma clang loop unroll(full)
    for (size_t v = 1; v < SUM_VECTORS; v++) {
        most[0] = maximum(most[0], most[v]);
    }
    return largest(most[0]);
}

// MARK: Forward

CONSTANT_ARGUMENTS void group_of_powers(const RowWalk *walk, float *x, size_t at, const size_t vectors,
                                        const GraftFormat format, const bool drops, Vector sums[SUM_VECTORS]) {
    Vector powers[SUM_VECTORS];
    clear_sums(powers);
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        const size_t column = at + v * LANES;
        powers[v] = power_at(walk, x + column);
        sums[v] += powers[v];
        if (drops) {
            powers[v] = (Vector)((Words)powers[v] & kept_from(walk, column));
        }
        if (format == GRAFT_FLOAT32) {
            store(x + column, powers[v]);
        }
    }
    if (format == GRAFT_BFLOAT16) {
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v += 2) {
            store_words(x + (at + v * LANES) / 2, pair_columns(powers[v], powers[v + 1]));
        }
    }
}

/// Scores become what dropout leaves of their powers, in bfloat16 as words of neighbouring columns. The sum of all powers.
CONSTANT_ARGUMENTS float row_of_powers(RowWalk walk, float *x, const GraftFormat format, const bool drops) {
    Vector sums[SUM_VECTORS];
    clear_sums(sums);
    size_t at = 0;
    for (; at + LINE < walk.columns; at += GROUP) {
        group_of_powers(&walk, x, at, SUM_VECTORS, format, drops, sums);
    }
    if (at < walk.columns) {
        group_of_powers(&walk, x, at, LINE_VECTORS, format, drops, sums);
    }
    return total(sums);
}

// MARK: Backward

CONSTANT_ARGUMENTS void group_of_probabilities(const RowWalk *walk, Vector inverse, float *x, const float *dp, float *kept,
                                               size_t at, const size_t vectors, const GraftFormat format,
                                               const bool drops, Vector sums[SUM_VECTORS]) {
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        const size_t column = at + v * LANES;
        const Vector p = power_at(walk, x + column) * inverse;
        Vector left = p, stored = p;
        if (drops) {
            const Words keep = kept_from(walk, column);
            left = (Vector)((Words)p & keep);
            if (format == GRAFT_FLOAT32) {
                store(kept + column, left);
            } else {
                stored = (Vector)((Words)p | (~keep & 0x80000000));
            }
        }
        store(x + column, stored);
        sums[v] = multiply_add(left, load(dp + column), sums[v]);
    }
}

/// Scores become P, and `kept` what dropout leaves of it; in bfloat16 instead what is dropped becomes −P. The sum of
/// kept P · dP.
CONSTANT_ARGUMENTS float row_of_probabilities(RowWalk walk, float inverse, float *x, const float *dp, float *kept,
                                              const GraftFormat format, const bool drops) {
    Vector sums[SUM_VECTORS];
    clear_sums(sums);
    size_t at = 0;
    for (; at + LINE < walk.columns; at += GROUP) {
        group_of_probabilities(&walk, splat(inverse), x, dp, kept, at, SUM_VECTORS, format, drops, sums);
    }
    if (at < walk.columns) {
        group_of_probabilities(&walk, splat(inverse), x, dp, kept, at, LINE_VECTORS, format, drops, sums);
    }
    return total(sums);
}

/// dS = kept ⊙ dP − sum · P, over dP.
static inline void row_of_score_gradients(const float *p, const float *kept, float *dp, float sum, size_t columns) {
    for (size_t at = 0; at < columns; at += LINE) {
#pragma clang loop unroll(full)
        for (size_t v = 0; v < LINE_VECTORS; v++) {
            const size_t column = at + v * LANES;
            store(dp + column, multiply_add(load(kept + column), load(dp + column), load(p + column) * splat(-sum)));
        }
    }
}

/// Two rows of the above in bfloat16.
typedef struct {
    /// P, its sign bit set where dropped, of the first and the second row. The words of rows of dS come over the first, those
    /// of kept P over the second.
    float *first_p, *second_p;
    /// dP. The words of neighbouring columns of dS come over the first half of each.
    float *first_dp, *second_dp;
    float first_sum, second_sum;
} RowPair;

CONSTANT_ARGUMENTS Vector score_gradient(Vector p, Vector dp, float sum, const bool drops, Vector *kept) {
    *kept = drops ? maximum(splat(0), p) : p;
    const Vector magnitude = drops ? (Vector)((Words)p & 0x7fffffff) : p;
    return multiply_add(*kept, dp, magnitude * splat(-sum));
}

/// `to` = scale · dS, of a row that `row_of_probabilities` has left, as float32.
CONSTANT_ARGUMENTS void row_of_bias_gradients(const float *p, const float *kept, const float *dp, float sum, float scale,
                                              float *to, size_t columns, const GraftFormat format, const bool drops) {
    for (size_t at = 0; at < columns; at += LANES) {
        Vector left = load(kept + at), d_score;
        if (format == GRAFT_FLOAT32) {
            d_score = multiply_add(left, load(dp + at), load(p + at) * splat(-sum));
        } else {
            d_score = score_gradient(load(p + at), load(dp + at), sum, drops, &left);
        }
        store(to + at, d_score * splat(scale));
    }
}

CONSTANT_ARGUMENTS void group_of_pairs(const RowPair *rows, size_t at, const size_t vectors, const bool drops) {
    Vector first[SUM_VECTORS], second[SUM_VECTORS];
    clear_sums(first);
    clear_sums(second);
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        const size_t column = at + v * LANES;
        Vector first_kept, second_kept;
        first[v] = score_gradient(load(rows->first_p + column), load(rows->first_dp + column), rows->first_sum, drops,
                                  &first_kept);
        second[v] = score_gradient(load(rows->second_p + column), load(rows->second_dp + column), rows->second_sum, drops,
                                   &second_kept);
        store_words(rows->second_p + column, pair_rows(first_kept, second_kept));
        store_words(rows->first_p + column, pair_rows(first[v], second[v]));
    }
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v += 2) {
        const size_t word = (at + v * LANES) / 2;
        store_words(rows->first_dp + word, pair_columns(first[v], first[v + 1]));
        store_words(rows->second_dp + word, pair_columns(second[v], second[v + 1]));
    }
}

CONSTANT_ARGUMENTS void pair_of_score_gradients(RowPair rows, size_t columns, const bool drops) {
    size_t at = 0;
    for (; at + LINE < columns; at += GROUP) {
        group_of_pairs(&rows, at, SUM_VECTORS, drops);
    }
    if (at < columns) {
        group_of_pairs(&rows, at, LINE_VECTORS, drops);
    }
}

#endif
