/// A tile of a product: some rows × some vectors of columns, whose sums stay in registers over the whole depth, so that each
/// sum is one chain. One source for all formats and sizes.
#ifndef GRAFT_VECTOR_TILE_H
#define GRAFT_VECTOR_TILE_H

#include "vector_words.h"

enum {
    PANEL_WIDTH = PANEL_VECTORS * LANES,
    MOST_TILE_ROWS = 12,
    /// Vectors to a line of 64 bytes.
    LINE_VECTORS = 16 / LANES,
    /// How many rows of `b` ahead of its use a row is asked for, so that it may come from memory meanwhile.
    FETCH_ROWS = 16,
    /// Rows of words that end a packed panel in int8: the columns' scales and their sums.
    INT8_PANEL_ROWS = 2,
};

/// One tile's work: the rows from `a` on, the columns from `b` on.
typedef struct {
    /// In words, as are the strides of `a` and `b`.
    size_t depth;
    const Word *a;
    ptrdiff_t a_row_stride, a_depth_stride;
    const Word *b;
    ptrdiff_t b_depth_stride;
    float *out;
    ptrdiff_t out_row_stride;
    const float *bias;
    const GraftRowScale *a_scales;
    float scale;
    bool accumulate;
    /// Columns of the last vector, 1 to `LANES`.
    size_t last_columns;
} Tile;

/// Fully unrolled for each pair of constants `rows` and `vectors`. If `b_ends` then nothing of `b` may be read behind the
/// last column, else rows of `b` are whole vectors.
CONSTANT_ARGUMENTS void multiply_tile(const Tile *tile, const GraftFormat format, const size_t rows,
                                      const size_t vectors, const bool b_ends) {
    Vector sums[MOST_TILE_ROWS][PANEL_VECTORS];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            sums[i][v] = splat(0);
        }
    }

    // Every third row has a pointer. With one for all, compilers step it from row to row and carry it round the loop, and
    // then each row's address waits for the one before.
    const Word *a[MOST_TILE_ROWS / 3];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i += 3) {
        a[i / 3] = tile->a + (ptrdiff_t)i * tile->a_row_stride;
    }
    const Word *b = tile->b;
    const ptrdiff_t a_row_stride = tile->a_row_stride, a_depth_stride = tile->a_depth_stride;
    const ptrdiff_t b_depth_stride = tile->b_depth_stride;
    const size_t last_columns = tile->last_columns;
#pragma clang loop unroll(disable)
    for (size_t k = tile->depth; k > 0; k--) {
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v += LINE_VECTORS) {
            __builtin_prefetch(b + v * LANES + FETCH_ROWS * b_depth_stride);
        }
#pragma clang loop unroll(full)
        for (size_t part = 0; part < parts_of(format); part++) {
            if (part > 0) {
                // Words are read again for their next part: kept, they would take the registers that sums are in.
                __asm__ volatile("" ::: "memory");
            }
            Vector b_row[PANEL_VECTORS];
#pragma clang loop unroll(full)
            for (size_t v = 0; v < vectors; v++) {
                const float *from = (const float *)(const void *)b + v * LANES;
                const Vector words = b_ends && v + 1 == vectors ? load_partial(from, last_columns) : load(from);
                b_row[v] = part_of_b(format, (Words)words, part);
            }
#pragma clang loop unroll(full)
            for (size_t i = 0; i < rows; i++) {
                const Words word = splat_word(a[i / 3][(ptrdiff_t)(i % 3) * a_row_stride]);
                const Vector a_element = part_of_a(format, word, part);
#pragma clang loop unroll(full)
                for (size_t v = 0; v < vectors; v++) {
                    sums[i][v] = multiply_part(format, a_element, b_row[v], sums[i][v]);
                    if (format == GRAFT_INT8 && part + 1 < parts_of(format)) {
                        // Else the products are kept, in registers that sums are in, and added to the next part's.
                        sums[i][v] = unforeseen(sums[i][v]);
                    }
                }
            }
        }
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i += 3) {
            a[i / 3] += a_depth_stride;
        }
        b += b_depth_stride;
    }

    const bool accumulate = tile->accumulate;
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        const bool last = v + 1 == vectors;
        Vector bias = splat(0), b_scale = splat(0);
        Words b_sum = splat_word(0);
        if (tile->bias != NULL) {
            const float *from = tile->bias + v * LANES;
            bias = last ? load_partial(from, last_columns) : load(from);
        }
        if (format == GRAFT_INT8) {
            b_scale = load((const float *)(const void *)b + v * LANES);
            b_sum = (Words)load((const float *)(const void *)(b + b_depth_stride) + v * LANES);
        }
        float *to = tile->out + v * LANES;
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) {
            Vector sum = sums[i][v];
            float scale = tile->scale;
            if (format == GRAFT_INT8) {
                const Words zero = splat_word((uint32_t)(tile->a_scales[i].zero - QUAD_OFFSET));
                sum = __builtin_convertvector((Integers)((Words)sum - zero * b_sum), Vector) * b_scale;
                scale *= tile->a_scales[i].scale;
            }
            Vector addend = bias;
            if (accumulate) {
                addend = (last ? load_partial(to, last_columns) : load(to)) + addend;
            }
            const Vector value = multiply_add(splat(scale), sum, addend);
            if (last) {
                store_partial(to, value, last_columns);
            } else {
                store(to, value);
            }
            to += tile->out_row_stride;
        }
    }
}

typedef void (*TileFunction)(const Tile *tile);

/// Tiles of one width.
typedef struct {
    size_t most_rows;
    /// By rows − 1.
    TileFunction functions[MOST_TILE_ROWS];
} Tiles;

/// All tiles of one format.
typedef struct {
    /// One vector wide, with nothing readable behind its last column.
    Tiles ending;
    /// By vectors − 1.
    Tiles whole[PANEL_VECTORS];
} TileSet;

// F(1, vectors) F(2, vectors) … F(rows, vectors)
#define ROWS_1(F, vectors) F(1, vectors)
#define ROWS_2(F, vectors) ROWS_1(F, vectors) F(2, vectors)
#define ROWS_3(F, vectors) ROWS_2(F, vectors) F(3, vectors)
#define ROWS_4(F, vectors) ROWS_3(F, vectors) F(4, vectors)
#define ROWS_5(F, vectors) ROWS_4(F, vectors) F(5, vectors)
#define ROWS_6(F, vectors) ROWS_5(F, vectors) F(6, vectors)
#define ROWS_7(F, vectors) ROWS_6(F, vectors) F(7, vectors)
#define ROWS_8(F, vectors) ROWS_7(F, vectors) F(8, vectors)
#define ROWS_9(F, vectors) ROWS_8(F, vectors) F(9, vectors)
#define ROWS_10(F, vectors) ROWS_9(F, vectors) F(10, vectors)
#define ROWS_11(F, vectors) ROWS_10(F, vectors) F(11, vectors)
#define ROWS_12(F, vectors) ROWS_11(F, vectors) F(12, vectors)
#define ROWS_UP_TO_EXPANDED(rows, F, vectors) ROWS_##rows(F, vectors)
#define ROWS_UP_TO(rows, F, vectors) ROWS_UP_TO_EXPANDED(rows, F, vectors)

/// The most rows of a tile of so many vectors.
#define TILE_ROWS_EXPANDED(vectors) TILE_ROWS_##vectors
#define TILE_ROWS(vectors) TILE_ROWS_EXPANDED(vectors)

#define TILE_NAME_EXPANDED(set, rows, vectors) set##_##rows##_by_##vectors
#define TILE_NAME_IN(set, rows, vectors) TILE_NAME_EXPANDED(set, rows, vectors)
#define TILE_NAME(rows, vectors) TILE_NAME_IN(TILE_SET, rows, vectors),
#define TILE(rows, vectors)                                               \
    static void TILE_NAME_IN(TILE_SET, rows, vectors)(const Tile *tile) { \
        multiply_tile(tile, TILE_FORMAT, rows, vectors, false);           \
    }
#define ENDING_TILE_NAME(rows, vectors) TILE_NAME_IN(TILE_SET, rows, end),
#define ENDING_TILE(rows, vectors)                                        \
    static void TILE_NAME_IN(TILE_SET, rows, end)(const Tile *tile) {     \
        multiply_tile(tile, TILE_FORMAT, rows, vectors, true);            \
    }

#endif
