/// Attention in the terms of one instruction set. A file of an instruction set includes this once, after `vector_product.h`.
///
/// A head is worked on in blocks of rows of scores that stay in the second-level cache: for each block the products and,
/// between them, one walk over its rows. What rounds, and where blocks are cut, follows from the format, the text's length,
/// the reach and the head's width alone.
#include "vector_attention_blocks.h"
#include "vector_attention_pack.h"
#include "vector_attention_rows.h"

// MARK: Steps

/// Asks for one row of the next head: a head's rows lie far apart, so no processor guesses them, and each would be waited for
/// as it comes from the third-level cache.
static inline void fetch(const float *rows, ptrdiff_t stride, size_t row, size_t column, size_t width) {
    const float *from = rows + (ptrdiff_t)row * stride + column;
    for (size_t at = 0; at < width; at += LINE) {
        __builtin_prefetch(from + at, 0, 2);
    }
}

static inline void fetch_inputs(const GraftAttention *t, size_t row, size_t column) {
    fetch(t->query, t->query_stride, row, column, t->width);
    fetch(t->key, t->key_stride, row, column, t->width);
    fetch(t->value, t->value_stride, row, column, t->width);
}

static inline void fetch_gradients(const GraftAttentionGradients *d, size_t row, size_t column, size_t width) {
    fetch(d->context, d->context_stride, row, column, width);
    if (d->query != NULL) {
        fetch(d->query, d->query_stride, row, column, width);
    }
    if (d->key != NULL) {
        fetch(d->key, d->key_stride, row, column, width);
    }
    if (d->value != NULL) {
        fetch(d->value, d->value_stride, row, column, width);
    }
}

/// Of a score's power of two: the scale comes with it, or with the product where something is added to that.
static float exponent_of(const GraftAttention *t) {
    const float log2_e = 1.44269504f;
    return has_addends(t) ? log2_e : t->scale * log2_e;
}

static RowWalk head_walk(const GraftAttention *t, size_t head) {
    return (RowWalk){
        .exponent = splat(exponent_of(t)),
        .mask = {graft_dropout_key_words(t->dropout_key, t->dropout_stream + (uint32_t)head),
                 graft_dropout_threshold(t->dropout_rate)},
    };
}

static inline RowWalk row_walk(RowWalk walk, const GraftAttention *t, size_t row, size_t start, float shift) {
    walk.shift = splat(shift);
    walk.first = lane_numbers() + splat_word((uint32_t)(row * t->length + start) + walk.mask.words.first);
    return walk;
}

/// A packed matrix from a window's first column on.
static inline const Word *panels_from(const Word *packed, GraftFormat format, size_t width, Block block) {
    return packed + graft_word_count(format, width) * block.start;
}

/// dP = dO Vᵀ
static void multiply_values(GraftFormat format, size_t width, Operand d_context, Block block, const HeadScratch *scratch) {
    product(&(GraftProduct){
        .format = format,
        .rows = block.rows,
        .columns = block.columns,
        .depth = graft_word_count(format, width),
        .a = d_context.start,
        .a_row_stride = d_context.stride,
        .a_depth_stride = 1,
        .b = panels_from(scratch->values, format, width, block),
        .out = scratch->dp,
        .out_row_stride = scratch->stride,
        .scale = 1,
    });
}

/// S = Q Kᵀ, or scaled and onto what is added to it.
static void multiply_keys(const GraftAttention *t, Operand query, Block block, const HeadScratch *scratch, size_t head) {
    const bool accumulate = has_addends(t);
    if (accumulate) {
        fill_addends(t, scratch, block, head);
    }
    product(&(GraftProduct){
        .format = t->format,
        .rows = block.rows,
        .columns = block.columns,
        .depth = graft_word_count(t->format, t->width),
        .a = query.start,
        .a_row_stride = query.stride,
        .a_depth_stride = 1,
        .b = panels_from(scratch->keys, t->format, t->width, block),
        .out = scratch->p,
        .out_row_stride = scratch->stride,
        .bias = accumulate ? NULL : scratch->edge + block.start,
        .scale = accumulate ? t->scale : 1,
        .accumulate = accumulate,
    });
}

/// out = scale · scores b, where `b` has the text's rows.
static void multiply_scores(GraftFormat format, Block block, size_t width, Operand scores, Operand b, float scale, float *out,
                            ptrdiff_t out_stride) {
    // A window begins at an even row.
    const ptrdiff_t b_start = (ptrdiff_t)graft_word_count(format, block.start) * b.stride;
    product(&(GraftProduct){
        .format = format,
        .rows = block.rows,
        .columns = width,
        .depth = graft_word_count(format, block.keys),
        .a = scores.start,
        .a_row_stride = scores.stride,
        .a_depth_stride = 1,
        .b = (const Word *)b.start + b_start,
        .b_depth_stride = b.stride,
        .out = out,
        .out_row_stride = out_stride,
        .scale = scale,
    });
}

/// out (+)= scale · scoresᵀ b, where `b` has the block's rows: added to the rows of `out` before `written`.
static void multiply_transposed(GraftFormat format, Block block, size_t width, Operand scores, Operand b, float scale,
                                size_t written, float *out, ptrdiff_t out_stride) {
    const size_t added = written - block.start;
    GraftProduct part = {
        .format = format,
        .rows = added,
        .columns = width,
        .depth = graft_word_count(format, block.rows),
        .a = scores.start,
        .a_row_stride = 1,
        .a_depth_stride = scores.stride,
        .b = b.start,
        .b_depth_stride = b.stride,
        .out = out + (ptrdiff_t)block.start * out_stride,
        .out_row_stride = out_stride,
        .scale = scale,
        .accumulate = true,
    };
    if (added > 0) {
        product(&part);
    }
    if (added < block.keys) {
        part.rows = block.keys - added;
        part.a = (const Word *)scores.start + added;
        part.out = out + (ptrdiff_t)written * out_stride;
        part.accumulate = false;
        product(&part);
    }
}

static void scale_row(float *row, float scale, size_t width) {
    for (size_t at = 0; at < width; at += LANES) {
        const size_t lanes = lanes_from(at, width);
        store_first(row + at, load_first(row + at, lanes) * splat(scale), lanes);
    }
}

// MARK: Forward

/// One row's walk: S becomes what dropout leaves of the powers. The row of the context is to be divided by their sum.
CONSTANT_ARGUMENTS float attend_row(const GraftAttention *t, RowWalk walk, size_t row, size_t start, float *scores,
                                    const GraftFormat format, const bool drops, float *statistics) {
    const float shift = -(row_maximum(scores, walk.columns) * walk.exponent[0]);
    const float inverse = 1 / row_of_powers(row_walk(walk, t, row, start, shift), scores, format, drops);
    if (statistics != NULL) {
        statistics[2 * row] = shift;
        statistics[2 * row + 1] = inverse;
    }
    return inverse;
}

CONSTANT_ARGUMENTS void attend(const GraftAttention *t, const GraftFormat format, const bool drops) {
    const HeadScratch scratch = head_scratch(t);
    const size_t length = t->length, width = t->width;
    const float kept_scale = graft_dropout_scale(t->dropout_rate);
    for (size_t head = 0; head < t->heads; head++) {
        const size_t column = head * width;
        const bool is_last = head + 1 == t->heads;
        RowWalk walk = head_walk(t, head);
        float *statistics = t->statistics == NULL ? NULL : t->statistics + 2 * head * length;
        pack_head(format, t->key + column, t->key_stride, length, scratch.columns, width, scratch.keys);
        const Operand value = pairs_operand(format, t->value + column, t->value_stride, length, width, scratch.pairs);
        for (size_t first = 0; first < length; first += scratch.rows) {
            const Block block = block_from(t, &scratch, first);
            const float *query_rows = t->query + (ptrdiff_t)first * t->query_stride + column;
            float *context_rows = t->context + (ptrdiff_t)first * t->context_stride + column;
            const Operand query = rows_operand(format, query_rows, t->query_stride, block.rows, width, scratch.query);
            multiply_keys(t, query, block, &scratch, head);
            walk.columns = block.columns;
            for (size_t i = 0; i < block.rows; i++) {
                if (!is_last) {
                    fetch_inputs(t, first + i, column + width);
                    fetch(t->context, t->context_stride, first + i, column + width, width);
                }
                float *scores = scratch.p + (ptrdiff_t)i * scratch.stride;
                const float inverse = attend_row(t, walk, first + i, block.start, scores, format, drops, statistics);
                scratch.sums[i] = kept_scale * inverse;
            }
            const Operand scores = {scratch.p, scratch.stride};
            multiply_scores(format, block, width, scores, value, 1, context_rows, t->context_stride);
            for (size_t i = 0; i < block.rows; i++) {
                scale_row(context_rows + (ptrdiff_t)i * t->context_stride, scratch.sums[i], width);
            }
        }
    }
}

static void attention(const GraftAttention *t) {
    const bool drops = t->dropout_rate > 0;
    if (t->format == GRAFT_FLOAT32) {
        drops ? attend(t, GRAFT_FLOAT32, true) : attend(t, GRAFT_FLOAT32, false);
    } else {
        drops ? attend(t, GRAFT_BFLOAT16, true) : attend(t, GRAFT_BFLOAT16, false);
    }
}

// MARK: Backward

/// The walk over a block's rows: from S and dP to dS and what dropout leaves of P, which the products read transposed, and dS
/// as it lies too.
typedef struct {
    Operand kept, d_scores, d_scores_transposed;
} WalkedBlock;

CONSTANT_ARGUMENTS WalkedBlock walk_block(const GraftAttention *t, const GraftAttentionGradients *d,
                                          const HeadScratch *scratch, RowWalk walk, size_t head, Block block,
                                          const GraftFormat format, const bool drops) {
    const size_t first = block.first, rows = block.rows;
    const float *statistics = t->statistics + 2 * (head * t->length + first);
    const size_t next_column = (head + 1) * t->width;
    float *kept = drops && format == GRAFT_FLOAT32 ? scratch->kept : scratch->p;
    float previous_sum = 0;
    walk.columns = block.columns;
    for (size_t i = 0; i < rows; i++) {
        if (head + 1 < t->heads) {
            fetch_inputs(t, first + i, next_column);
            fetch_gradients(d, first + i, next_column, t->width);
        }
        const ptrdiff_t at = (ptrdiff_t)i * scratch->stride;
        float *p = scratch->p + at, *dp = scratch->dp + at;
        const RowWalk row = row_walk(walk, t, first + i, block.start, statistics[2 * i]);
        const float sum = row_of_probabilities(row, statistics[2 * i + 1], p, dp, kept + at, format, drops);
        if (d->scores != NULL) {
            float *to = d->scores + (ptrdiff_t)head * d->scores_head_stride + (ptrdiff_t)(first + i) * d->scores_row_stride;
            row_of_bias_gradients(p, kept + at, dp, sum, graft_dropout_scale(t->dropout_rate), to, walk.columns, format,
                                  drops);
        }
        if (format == GRAFT_FLOAT32) {
            row_of_score_gradients(p, kept + at, dp, sum, walk.columns);
            continue;
        }
        RowPair pair = {p - scratch->stride, p, dp - scratch->stride, dp, previous_sum, sum};
        if (i % 2 == 0) {
            previous_sum = sum;
            if (i + 1 < rows) {
                continue;
            }
            // The last row has no partner: a row of zeros.
            pair = (RowPair){p, p + scratch->stride, dp, dp + scratch->stride, sum, 0};
            memset(pair.second_p, 0, walk.columns * sizeof(float));
            memset(pair.second_dp, 0, walk.columns * sizeof(float));
        }
        pair_of_score_gradients(pair, walk.columns, drops);
    }
    if (format == GRAFT_FLOAT32) {
        const Operand d_scores = {scratch->dp, scratch->stride};
        return (WalkedBlock){{kept, scratch->stride}, d_scores, d_scores};
    }
    return (WalkedBlock){{scratch->p + scratch->stride, 2 * scratch->stride},
                         {scratch->dp, scratch->stride},
                         {scratch->p, 2 * scratch->stride}};
}

CONSTANT_ARGUMENTS void attend_backward(const GraftAttention *t, const GraftAttentionGradients *d, const GraftFormat format,
                                        const bool drops) {
    const HeadScratch scratch = head_scratch(t);
    const size_t length = t->length, width = t->width;
    const float kept_scale = graft_dropout_scale(t->dropout_rate), scale = t->scale * kept_scale;
    for (size_t head = 0; head < t->heads; head++) {
        const size_t column = head * width;
        const RowWalk walk = head_walk(t, head);
        pack_head(format, t->key + column, t->key_stride, length, scratch.columns, width, scratch.keys);
        pack_head(format, t->value + column, t->value_stride, length, scratch.columns, width, scratch.values);
        const Operand key = pairs_operand(format, t->key + column, t->key_stride, length, width, scratch.pairs);
        // Rows of dK and dV that earlier blocks have written.
        size_t written = 0;
        for (size_t first = 0; first < length; first += scratch.rows) {
            const Block block = block_from(t, &scratch, first);
            const float *queries = t->query + (ptrdiff_t)first * t->query_stride + column;
            const float *d_contexts = d->context + (ptrdiff_t)first * d->context_stride + column;
            const Operand query = rows_operand(format, queries, t->query_stride, block.rows, width, scratch.query);
            const Operand d_context =
                rows_operand(format, d_contexts, d->context_stride, block.rows, width, scratch.d_context);
            multiply_keys(t, query, block, &scratch, head);
            multiply_values(format, width, d_context, block, &scratch);
            const WalkedBlock walked = walk_block(t, d, &scratch, walk, head, block, format, drops);
            if (d->value != NULL) {
                const Operand pairs =
                    pairs_operand(format, d_contexts, d->context_stride, block.rows, width, scratch.d_context_pairs);
                multiply_transposed(format, block, width, walked.kept, pairs, kept_scale, written, d->value + column,
                                    d->value_stride);
            }
            if (d->query != NULL) {
                multiply_scores(format, block, width, walked.d_scores, key, scale,
                                d->query + (ptrdiff_t)first * d->query_stride + column, d->query_stride);
            }
            if (d->key != NULL) {
                const Operand pairs =
                    pairs_operand(format, queries, t->query_stride, block.rows, width, scratch.query_pairs);
                multiply_transposed(format, block, width, walked.d_scores_transposed, pairs, scale, written,
                                    d->key + column, d->key_stride);
            }
            written = block.start + block.keys;
        }
    }
}

static void attention_backward(const GraftAttention *t, const GraftAttentionGradients *d) {
    const bool drops = t->dropout_rate > 0;
    if (t->format == GRAFT_FLOAT32) {
        drops ? attend_backward(t, d, GRAFT_FLOAT32, true) : attend_backward(t, d, GRAFT_FLOAT32, false);
    } else {
        drops ? attend_backward(t, d, GRAFT_BFLOAT16, true) : attend_backward(t, d, GRAFT_BFLOAT16, false);
    }
}
