/// Packing the right side of products, in the terms of one instruction set. Include after `vector_product.h`.
///
/// Panel after panel, each rows of words × `PANEL_WIDTH`. The last panel is as many vectors wide as its columns need, and
/// filled up with zeros.
#include "vector_tile.h"
#include "words.h"

static size_t packed_count(GraftFormat format, size_t depth, size_t columns) {
    const size_t rows = graft_word_count(format, depth) + (format == GRAFT_INT8 ? INT8_PANEL_ROWS : 0);
    return rows * ((columns + LANES - 1) / LANES * LANES);
}

static void pack_float32_panel(const float *b, ptrdiff_t depth_stride, ptrdiff_t column_stride, size_t depth,
                               size_t columns, float *packed, size_t width) {
    for (size_t k = 0; k < depth; k++) {
        const float *from = b + (ptrdiff_t)k * depth_stride;
        for (size_t c = 0; c < columns; c++) {
            packed[c] = from[(ptrdiff_t)c * column_stride];
        }
        for (size_t c = columns; c < width; c++) {
            packed[c] = 0;
        }
        packed += width;
    }
}

static void pack(GraftFormat format, const float *b, ptrdiff_t depth_stride, ptrdiff_t column_stride, size_t depth,
                 size_t columns, void *packed) {
    uint32_t *panel = packed;
    for (size_t j = 0; j < columns; j += PANEL_WIDTH) {
        const size_t left = columns - j < PANEL_WIDTH ? columns - j : PANEL_WIDTH;
        const size_t width = (left + LANES - 1) / LANES * LANES, count = packed_count(format, depth, left);
        const float *from = b + (ptrdiff_t)j * column_stride;
        if (format == GRAFT_FLOAT32) {
            pack_float32_panel(from, depth_stride, column_stride, depth, left, (float *)(void *)panel, width);
        } else {
            for (size_t c = 0; c < left; c++) {
                graft_pack_column(format, from + (ptrdiff_t)c * column_stride, depth_stride, depth, panel + c, width);
            }
            for (size_t c = left; c < width; c++) {
                for (size_t at = c; at < count; at += width) {
                    panel[at] = 0;
                }
            }
        }
        panel += count;
    }
}
