/// The product and its packing, in the terms of one instruction set. A file of an instruction set includes this once,
/// after it has defined `Vector`, `LANES`, load, load_partial, store, store_partial, splat and multiply_add, and
///
/// - `PANEL_VECTORS`: vectors side by side in a packed panel and in the widest tile, 1 to 4,
/// - `TILE_ROWS_1` … `TILE_ROWS_4`: the most rows of a tile of 1 … `PANEL_VECTORS` vectors, each at most 12.
///
/// A tile keeps rows × vectors sums in registers while it walks the whole depth, so that each sum is one chain.
#include <stddef.h>

#include "CKernels.h"

#pragma STDC FP_CONTRACT OFF

enum {
    PANEL_WIDTH = PANEL_VECTORS * LANES,
    MOST_TILE_ROWS = 12,
    /// Vectors to a line of 64 bytes.
    LINE_VECTORS = 16 / LANES,
    /// How many rows of `b` ahead of its use a row is asked for, so that it may come from memory meanwhile.
    FETCH_ROWS = 16,
};

/// One tile's work: the rows from `a` on, the columns from `b` on.
typedef struct {
    size_t depth;
    const float *a;
    ptrdiff_t a_row_stride, a_depth_stride;
    const float *b;
    ptrdiff_t b_depth_stride;
    float *out;
    ptrdiff_t out_row_stride;
    const float *bias;
    float scale;
    bool accumulate;
    /// Columns of the last vector, 1 to `LANES`.
    size_t last_columns;
} Tile;

/// Fully unrolled for each pair of constants `rows` and `vectors`. If `b_ends` then nothing of `b` may be read behind the
/// last column, else rows of `b` are whole vectors.
static inline __attribute__((always_inline)) void multiply_tile(const Tile *tile, const size_t rows,
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
    const float *a[MOST_TILE_ROWS / 3];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i += 3) {
        a[i / 3] = tile->a + (ptrdiff_t)i * tile->a_row_stride;
    }
    const float *b = tile->b;
    const ptrdiff_t a_row_stride = tile->a_row_stride, a_depth_stride = tile->a_depth_stride;
    const ptrdiff_t b_depth_stride = tile->b_depth_stride;
    const size_t last_columns = tile->last_columns;
    const bool accumulate = tile->accumulate;
#pragma clang loop unroll(disable)
    for (size_t k = tile->depth; k > 0; k--) {
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v += LINE_VECTORS) {
            __builtin_prefetch(b + v * LANES + FETCH_ROWS * b_depth_stride);
        }
        Vector b_row[PANEL_VECTORS];
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            b_row[v] = b_ends && v + 1 == vectors ? load_partial(b + v * LANES, last_columns) : load(b + v * LANES);
        }
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) {
            Vector a_element = splat(a[i / 3][(ptrdiff_t)(i % 3) * a_row_stride]);
#pragma clang loop unroll(full)
            for (size_t v = 0; v < vectors; v++) {
                sums[i][v] = multiply_add(a_element, b_row[v], sums[i][v]);
            }
        }
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i += 3) {
            a[i / 3] += a_depth_stride;
        }
        b += b_depth_stride;
    }

    Vector bias[PANEL_VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        bias[v] = splat(0);
        if (tile->bias != NULL) {
            const float *from = tile->bias + v * LANES;
            bias[v] = v + 1 == vectors ? load_partial(from, last_columns) : load(from);
        }
    }
    const Vector scale = splat(tile->scale);
    float *out = tile->out;
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            const bool last = v + 1 == vectors;
            float *to = out + v * LANES;
            Vector addend = bias[v];
            if (accumulate) {
                addend = (last ? load_partial(to, last_columns) : load(to)) + addend;
            }
            Vector value = multiply_add(scale, sums[i][v], addend);
            if (last) {
                store_partial(to, value, last_columns);
            } else {
                store(to, value);
            }
        }
        out += tile->out_row_stride;
    }
}

typedef void (*TileFunction)(const Tile *tile);

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

#define TILE(rows, vectors)                             \
    static void tile_##rows##_by_##vectors(const Tile *tile) { \
        multiply_tile(tile, rows, vectors, false);      \
    }
#define ENDING_TILE(rows, vectors)                      \
    static void ending_tile_##rows(const Tile *tile) {  \
        multiply_tile(tile, rows, vectors, true);       \
    }
#define TILE_NAME(rows, vectors) tile_##rows##_by_##vectors,
#define ENDING_TILE_NAME(rows, vectors) ending_tile_##rows,

ROWS_UP_TO(TILE_ROWS_1, ENDING_TILE, 1)
ROWS_UP_TO(TILE_ROWS_1, TILE, 1)
#if PANEL_VECTORS >= 2
ROWS_UP_TO(TILE_ROWS_2, TILE, 2)
#endif
#if PANEL_VECTORS >= 3
ROWS_UP_TO(TILE_ROWS_3, TILE, 3)
#endif
#if PANEL_VECTORS >= 4
ROWS_UP_TO(TILE_ROWS_4, TILE, 4)
#endif

/// Tiles of one width.
typedef struct {
    size_t most_rows;
    /// By rows − 1.
    TileFunction functions[MOST_TILE_ROWS];
} Tiles;

static const Tiles ending_tiles = {TILE_ROWS_1, {ROWS_UP_TO(TILE_ROWS_1, ENDING_TILE_NAME, 1)}};

/// By vectors − 1.
static const Tiles tiles[PANEL_VECTORS] = {
    {TILE_ROWS_1, {ROWS_UP_TO(TILE_ROWS_1, TILE_NAME, 1)}},
#if PANEL_VECTORS >= 2
    {TILE_ROWS_2, {ROWS_UP_TO(TILE_ROWS_2, TILE_NAME, 2)}},
#endif
#if PANEL_VECTORS >= 3
    {TILE_ROWS_3, {ROWS_UP_TO(TILE_ROWS_3, TILE_NAME, 3)}},
#endif
#if PANEL_VECTORS >= 4
    {TILE_ROWS_4, {ROWS_UP_TO(TILE_ROWS_4, TILE_NAME, 4)}},
#endif
};

/// Walks `rows` rows down the columns of `tile`.
static void walk_rows(const Tiles *tiles, Tile tile, size_t rows) {
    while (rows > 0) {
        // The last two tiles share their rows evenly: a tile of very few rows waits for its own sums.
        size_t now = tiles->most_rows;
        if (rows <= now) {
            now = rows;
        } else if (rows < 2 * now) {
            now = (rows + 1) / 2;
        }
        tiles->functions[now - 1](&tile);
        tile.a += (ptrdiff_t)now * tile.a_row_stride;
        tile.out += (ptrdiff_t)now * tile.out_row_stride;
        rows -= now;
    }
}

/// Rows that share one walk over `b`: as many as keep their part of `a` in the second-level cache, evenly shared, and a
/// multiple of every tile's rows.
static size_t rows_of_block(size_t rows, size_t depth) {
    const size_t unit = 24, bytes = 256 << 10;
    size_t most = bytes / (sizeof(float) * (depth + 1));
    most = most < unit ? unit : most;
    size_t blocks = (rows + most - 1) / most;
    size_t each = (rows + blocks - 1) / blocks;
    return (each + unit - 1) / unit * unit;
}

static void product(const GraftProduct *p) {
    const bool packed = p->b_depth_stride == 0;
    if (p->rows == 0) {
        return;
    }
    const size_t block = rows_of_block(p->rows, p->depth);
    for (size_t i = 0; i < p->rows; i += block) {
        const size_t rows = p->rows - i < block ? p->rows - i : block;
        for (size_t j = 0; j < p->columns;) {
            const size_t left = p->columns - j;
            size_t width = left < PANEL_WIDTH ? left : PANEL_WIDTH;
            size_t vectors = (width + LANES - 1) / LANES;
            const Tiles *chosen = &tiles[vectors - 1];
            if (!packed && width % LANES != 0) {
                // Whole vectors first; what is left of a vector, where nothing may be read behind the columns, alone.
                if (width > LANES) {
                    vectors -= 1;
                    width = vectors * LANES;
                    chosen = &tiles[vectors - 1];
                } else {
                    chosen = &ending_tiles;
                }
            }
            Tile tile = {
                .depth = p->depth,
                .a = p->a + (ptrdiff_t)i * p->a_row_stride,
                .a_row_stride = p->a_row_stride,
                .a_depth_stride = p->a_depth_stride,
                .b = packed ? p->b + j * p->depth : p->b + j,
                .b_depth_stride = packed ? (ptrdiff_t)(vectors * LANES) : p->b_depth_stride,
                .out = p->out + (ptrdiff_t)i * p->out_row_stride + j,
                .out_row_stride = p->out_row_stride,
                .bias = p->bias == NULL ? NULL : p->bias + j,
                .scale = p->scale,
                .accumulate = p->accumulate,
                .last_columns = width - (vectors - 1) * LANES,
            };
            walk_rows(chosen, tile, rows);
            j += width;
        }
    }
}

// MARK: Packing

/// Panel after panel, each depth × width row-major. The last panel is as many vectors wide as its columns need, and
/// filled up with zeros.
static size_t packed_count(size_t depth, size_t columns) {
    return depth * ((columns + LANES - 1) / LANES * LANES);
}

static void pack(const float *b, ptrdiff_t depth_stride, ptrdiff_t column_stride, size_t depth, size_t columns,
                 float *packed) {
    for (size_t j = 0; j < columns; j += PANEL_WIDTH) {
        const size_t left = columns - j < PANEL_WIDTH ? columns - j : PANEL_WIDTH;
        const size_t width = (left + LANES - 1) / LANES * LANES;
        for (size_t k = 0; k < depth; k++) {
            const float *from = b + (ptrdiff_t)k * depth_stride + (ptrdiff_t)j * column_stride;
            for (size_t c = 0; c < left; c++) {
                packed[c] = from[(ptrdiff_t)c * column_stride];
            }
            for (size_t c = left; c < width; c++) {
                packed[c] = 0;
            }
            packed += width;
        }
    }
}
