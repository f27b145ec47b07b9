/// Vectors rounded to words of two bfloat16, in the terms of one instruction set. One that rounds by an instruction of its own
/// defines `ROUNDS_PAIRS`, pair_columns and pair_rows.
#ifndef GRAFT_VECTOR_PAIRS_H
#define GRAFT_VECTOR_PAIRS_H

#include "vector_lanes.h"
#include "words.h"

/// graft_rounded_bits
static inline Words rounded_bits(Vector value) {
    const Words bits = (Words)value;
    const Words rounded = bits + 0x7fff + (bits >> 16 & 1);
    const Words subnormal = (Words)((bits & 0x7f800000) == 0);
    const Words normal = (subnormal & bits & 0x80000000) | (~subnormal & rounded);
    const Words unordered = (Words)(value != value);
    return (unordered & (bits | 0x00400000)) | (~unordered & normal);
}

#if !defined(ROUNDS_PAIRS)

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
    const Words l = rounded_bits(left), r = rounded_bits(right);
    return __builtin_shufflevector(l, r, EVEN_LANES) >> 16 | (__builtin_shufflevector(l, r, ODD_LANES) & 0xffff0000);
}

/// Words of two rows, a column a lane.
static inline Words pair_rows(Vector upper, Vector lower) {
    return rounded_bits(upper) >> 16 | (rounded_bits(lower) & 0xffff0000);
}

#endif

#endif
