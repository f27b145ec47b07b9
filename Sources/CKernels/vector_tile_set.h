/// The tiles of one format, all sizes of them. Included once for each format, after `TILE_SET`, which becomes the set's name,
/// and `TILE_FORMAT` are defined; both are gone afterwards.
#include "vector_tile.h"

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

static const TileSet TILE_SET = {
    {TILE_ROWS_1, {ROWS_UP_TO(TILE_ROWS_1, ENDING_TILE_NAME, 1)}},
    {
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
    },
};

#undef TILE_SET
#undef TILE_FORMAT
