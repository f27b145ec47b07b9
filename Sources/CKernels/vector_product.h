/// The product, in the terms of one instruction set. A file of an instruction set includes this once, after it has defined
/// `Vector`, `LANES`, load, load_partial, store, store_partial, splat, multiply_add and what `vector_words.h` asks for, and
///
/// - `PANEL_VECTORS`: vectors side by side in a packed panel and in the widest tile, 1 to 4,
/// - `TILE_ROWS_1` … `TILE_ROWS_4`: the most rows of a tile of 1 … `PANEL_VECTORS` vectors, each at most 12,
/// - `BASE`, if it is an extension of another instruction set with the same panels: the table whose product is taken in the
///   formats for which this one has no instruction of its own.
#include "vector_tile.h"

#if !defined(BASE)
#define TILE_SET float32_tiles
#define TILE_FORMAT GRAFT_FLOAT32
#include "vector_tile_set.h"
#endif

#if !defined(BASE) || defined(MULTIPLIES_PAIRS)
#define TILE_SET bfloat16_tiles
#define TILE_FORMAT GRAFT_BFLOAT16
#include "vector_tile_set.h"
#endif

#if !defined(BASE) || defined(MULTIPLIES_QUADS)
#define TILE_SET int8_tiles
#define TILE_FORMAT GRAFT_INT8
#include "vector_tile_set.h"
#endif

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
        tile.a_scales = tile.a_scales == NULL ? NULL : tile.a_scales + now;
        rows -= now;
    }
}

/// Rows that share one walk over `b`: as many as keep their part of `a` in the second-level cache, evenly shared, and a
/// multiple of every tile's rows.
static size_t rows_of_block(size_t rows, size_t depth) {
    const size_t unit = 24, bytes = 256 << 10;
    size_t most = bytes / (sizeof(Word) * (depth + 1));
    most = most < unit ? unit : most;
    size_t blocks = (rows + most - 1) / most;
    size_t each = (rows + blocks - 1) / blocks;
    return (each + unit - 1) / unit * unit;
}

static void product_by_tiles(const GraftProduct *p, const TileSet *set) {
    const bool packed = p->b_depth_stride == 0;
    if (p->rows == 0) {
        return;
    }
    const size_t panel_rows = p->depth + (p->format == GRAFT_INT8 ? INT8_PANEL_ROWS : 0);
    const size_t block = rows_of_block(p->rows, p->depth);
    const Word *a = p->a, *b = p->b;
    for (size_t i = 0; i < p->rows; i += block) {
        const size_t rows = p->rows - i < block ? p->rows - i : block;
        for (size_t j = 0; j < p->columns;) {
            const size_t left = p->columns - j;
            size_t width = left < PANEL_WIDTH ? left : PANEL_WIDTH;
            size_t vectors = (width + LANES - 1) / LANES;
            const Tiles *chosen = &set->whole[vectors - 1];
            if (!packed && width % LANES != 0) {
                // Whole vectors first; what is left of a vector, where nothing may be read behind the columns, alone.
                if (width > LANES) {
                    vectors -= 1;
                    width = vectors * LANES;
                    chosen = &set->whole[vectors - 1];
                } else {
                    chosen = &set->ending;
                }
            }
            Tile tile = {
                .depth = p->depth,
                .a = a + (ptrdiff_t)i * p->a_row_stride,
                .a_row_stride = p->a_row_stride,
                .a_depth_stride = p->a_depth_stride,
                .b = packed ? b + j * panel_rows : b + j,
                .b_depth_stride = packed ? (ptrdiff_t)(vectors * LANES) : p->b_depth_stride,
                .out = p->out + (ptrdiff_t)i * p->out_row_stride + j,
                .out_row_stride = p->out_row_stride,
                .bias = p->bias == NULL ? NULL : p->bias + j,
                .a_scales = p->a_scales == NULL ? NULL : p->a_scales + i,
                .scale = p->scale,
                .accumulate = p->accumulate,
                .last_columns = width - (vectors - 1) * LANES,
            };
            walk_rows(chosen, tile, rows);
            j += width;
        }
    }
}

static void product(const GraftProduct *p) {
    switch (p->format) {
#if !defined(BASE)
    case GRAFT_FLOAT32:
        product_by_tiles(p, &float32_tiles);
        break;
#endif
#if !defined(BASE) || defined(MULTIPLIES_PAIRS)
    case GRAFT_BFLOAT16:
        product_by_tiles(p, &bfloat16_tiles);
        break;
#endif
#if !defined(BASE) || defined(MULTIPLIES_QUADS)
    case GRAFT_INT8:
        product_by_tiles(p, &int8_tiles);
        break;
#endif
#if defined(BASE)
    default:
        BASE.product(p);
#endif
    }
}
