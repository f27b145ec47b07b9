/// Two vectors rounded to words of two bfloat16, in the terms of one instruction set. One that rounds two vectors by one
/// instruction defines `PAIRS_VECTORS`, pair_columns and pair_rows.
#ifndef GRAFT_VECTOR_PAIRS_H
#define GRAFT_VECTOR_PAIRS_H

#include "vector_round.h"

#if !defined(PAIRS_VECTORS)

#if LANES == 16
#define EVEN_LANES 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD_LANES 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#elif LANES == 8
#define EVEN_LANES 0, 2, 4, 6, 8, 10, 12, 14
#define ODD_LANES 1, 3, 5, 7, 9, 11, 13, 15
#else
#define EVEN_LANES 0, 2, 4, 6
#define ODD_LANES 1, 3, 5, 7
#endif

/// Words of neighbouring columns, from two vectors that lie side by side in a row.
static inline Words pair_columns(Vector left, Vector right) {
    const Words l = rounded_words(left), r = rounded_words(right);
    return __builtin_shufflevector(l, r, EVEN_LANES) | __builtin_shufflevector(l, r, ODD_LANES) << 16;
}

/// Words of two rows, a column a lane.
static inline Words pair_rows(Vector upper, Vector lower) {
    return rounded_words(upper) | rounded_words(lower) << 16;
}

#endif

#endif
