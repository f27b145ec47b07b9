/// How attention's scores are cut into blocks, where a block lies, and what is added to its scores, in the terms of one
/// instruction set.
///
/// A block has some rows of a head's scores and the columns within reach of them, its window: for texts within reach, all.
#include "vector_attention_rows.h"

// MARK: Scratch

/// One head's places in the caller's scratch.
typedef struct {
    /// The text's length in whole lines.
    size_t columns;
    /// Numbers from one row of scores to the next: an odd number of lines, so that rows that are read side by side fall on
    /// different places of the cache.
    ptrdiff_t stride;
    /// Rows of a block, an even number but if it is the whole text.
    size_t rows;
    /// 0 for each column of the text, and −∞ for those that fill the last line up: added to scores.
    float *edge;
    /// A number for each row of a block.
    float *sums;
    /// Blocks of P and of dP and, in float32, of what dropout leaves of P.
    float *p, *dp, *kept;
    /// Kᵀ and Vᵀ, packed.
    Word *keys, *values;
    /// In bfloat16, words of rows of K or V, of the whole head, and of the block's rows of Q and dO, in both ways.
    Word *pairs, *query, *d_context, *query_pairs, *d_context_pairs;
    /// Where it ends.
    Word *end;
} HeadScratch;

enum {
    /// Numbers of a block of scores: 128 KB.
    BLOCK_COUNT = 32768,
    /// As many rows as the widest tiles take at once, however long a row is.
    LEAST_BLOCK_ROWS = 12,
    /// Where windows begin and end, but at the text's end: a multiple of every path's panels.
    WINDOW_UNIT = 64,
    /// Rows of a block whose window is not the whole text, at most: more of them would reach further together.
    MOST_WINDOW_ROWS = 64,
};

_Static_assert(WINDOW_UNIT % PANEL_WIDTH == 0, "a window begins where a packed panel does");

static size_t whole_lines(size_t count) {
    return (count + LINE - 1) / LINE * LINE;
}

/// The caller's scratch, or NULL to learn how much it must hold; and how much is taken.
typedef struct {
    float *start;
    size_t taken;
} Places;

static void *take(Places *places, size_t count) {
    float *place = places->start == NULL ? NULL : places->start + places->taken;
    places->taken += whole_lines(count);
    return place;
}

static size_t least(size_t x, size_t y) {
    return x < y ? x : y;
}

/// Columns of the widest window.
static size_t window_columns(size_t length, size_t reach) {
    const size_t reached = MOST_WINDOW_ROWS + 2 * least(reach, length);
    return least(whole_lines(length), (reached + 2 * (WINDOW_UNIT - 1)) / WINDOW_UNIT * WINDOW_UNIT);
}

static HeadScratch lay_out_head(GraftFormat format, size_t length, size_t width, size_t reach, Places *places) {
    const size_t columns = whole_lines(length), window = window_columns(length, reach);
    const size_t stride = (window / LINE | 1) * LINE, fitting = BLOCK_COUNT / stride / 2 * 2;
    const size_t enough = fitting < LEAST_BLOCK_ROWS ? LEAST_BLOCK_ROWS : fitting;
    const size_t most = window < columns ? least(enough, MOST_WINDOW_ROWS) : enough, rows = least(length, most);
    const size_t pairs = (rows + 1) / 2, block = 2 * pairs * stride, words = graft_word_count(format, width);
    HeadScratch s = {.columns = columns, .stride = (ptrdiff_t)stride, .rows = rows};
    s.edge = take(places, columns);
    s.sums = take(places, rows);
    s.p = take(places, block);
    s.dp = take(places, block);
    s.keys = take(places, words * columns);
    s.values = take(places, words * columns);
    if (format == GRAFT_FLOAT32) {
        s.kept = take(places, block);
    } else {
        s.pairs = take(places, (length + 1) / 2 * width);
        s.query = take(places, rows * words);
        s.d_context = take(places, rows * words);
        s.query_pairs = take(places, pairs * width);
        s.d_context_pairs = take(places, pairs * width);
    }
    return s;
}

static size_t attention_scratch(GraftFormat format, size_t length, size_t width, size_t reach) {
    Places places = {NULL, 0};
    lay_out_head(format, length, width, reach, &places);
    return places.taken;
}

static HeadScratch head_scratch(const GraftAttention *t) {
    Places places = {t->scratch, 0};
    const HeadScratch scratch = lay_out_head(t->format, t->length, t->width, t->reach, &places);
    for (size_t j = 0; j < scratch.columns; j++) {
        scratch.edge[j] = j < t->length ? 0 : -__builtin_inff();
    }
    return scratch;
}

// MARK: Blocks

/// Some rows of a head, and the window of columns that they reach.
typedef struct {
    size_t first, rows;
    /// Begins at a multiple of `WINDOW_UNIT`, and ends at one or at the end of the last line.
    size_t start, columns;
    /// Columns from `start` on that are the text's.
    size_t keys;
} Block;

static inline Block block_from(const GraftAttention *t, const HeadScratch *scratch, size_t first) {
    const size_t rows = least(t->length - first, scratch->rows), reach = least(t->reach, t->length);
    const size_t start = first < reach ? 0 : (first - reach) / WINDOW_UNIT * WINDOW_UNIT;
    const size_t end = least((first + rows + reach + WINDOW_UNIT - 1) / WINDOW_UNIT * WINDOW_UNIT, scratch->columns);
    return (Block){first, rows, start, end - start, least(end, t->length) - start};
}

/// Whether scores are more than scaled products: then each block is filled with what is added to them.
static inline bool has_addends(const GraftAttention *t) {
    return t->bias != NULL || least(t->reach, t->length) + 1 < t->length;
}

/// What is added to the scores of a block's rows: the bias, and −∞ out of reach.
static void fill_addends(const GraftAttention *t, const HeadScratch *scratch, Block block, size_t head) {
    const Vector out_of_reach = splat(-__builtin_inff());
    for (size_t i = 0; i < block.rows; i++) {
        const size_t row = block.first + i, reach = least(t->reach, t->length);
        // The first and behind the last column within reach, from the window's first on.
        const size_t low = row < block.start + reach ? 0 : row - reach - block.start;
        const size_t high = least(row + reach + 1 - block.start, block.keys);
        float *to = scratch->p + (ptrdiff_t)i * scratch->stride;
        for (size_t at = 0; at < block.columns; at += LANES) {
            store(to + at, out_of_reach);
        }
        const float *bias = t->bias == NULL ? NULL
                                            : t->bias + (ptrdiff_t)head * t->bias_head_stride +
                                                  (ptrdiff_t)row * t->bias_row_stride + (ptrdiff_t)block.start;
        for (size_t at = low; at < high; at += LANES) {
            const size_t lanes = lanes_from(at, high);
            store_first(to + at, bias == NULL ? splat(0) : load_first(bias + at, lanes), lanes);
        }
    }
}
