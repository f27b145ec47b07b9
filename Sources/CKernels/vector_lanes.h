/// Lanes, in the terms of one instruction set: what the other `vector_*.h` share. Include after `Vector`, `LANES`, load,
/// load_partial, store, store_partial and splat are defined.
#ifndef GRAFT_VECTOR_LANES_H
#define GRAFT_VECTOR_LANES_H

#include <stddef.h>
#include <stdint.h>

#include "CKernels.h"

#pragma STDC FP_CONTRACT OFF

/// A vector's bits, as whole numbers.
typedef uint32_t Words __attribute__((vector_size(4 * LANES)));
typedef int32_t Integers __attribute__((vector_size(4 * LANES)));
typedef int16_t Halves __attribute__((vector_size(4 * LANES)));

/// A word in memory, whatever it was written as.
typedef uint32_t __attribute__((may_alias)) Word;

/// How many of the lanes from `at` on lie before `count`.
static inline size_t lanes_from(size_t at, size_t count) {
    if (at >= count) {
        return 0;
    }
    return count - at < LANES ? count - at : LANES;
}

/// The first lanes from memory, the others zero.
static inline Vector load_first(const float *from, size_t lanes) {
    return lanes == LANES ? load(from) : load_partial(from, lanes);
}

static inline void store_first(float *to, Vector value, size_t lanes) {
    if (lanes == LANES) {
        store(to, value);
    } else {
        store_partial(to, value, lanes);
    }
}

static inline Words splat_word(uint32_t word) {
    return (Words){0} + word;
}

/// 0, 1, 2, …
static inline Words lane_numbers(void) {
    Words numbers;
    for (uint32_t lane = 0; lane < LANES; lane++) {
        numbers[lane] = lane;
    }
    return numbers;
}

static inline Vector choose(Words mask, Vector yes, Vector no) {
    return (Vector)((mask & (Words)yes) | (~mask & (Words)no));
}

/// The first lanes of `value`, the others of `rest`.
static inline Vector first_lanes_of(Vector value, size_t lanes, Vector rest) {
    return lanes == LANES ? value : choose((Words)(lane_numbers() < splat_word((uint32_t)lanes)), value, rest);
}

#endif
