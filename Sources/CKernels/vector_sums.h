/// Sums and maxima over a row's lanes, in the terms of one instruction set: through `PARTIAL_SUMS` partial sums, whatever the
/// vectors' width, so that all instruction sets give the same bits.
#ifndef GRAFT_VECTOR_SUMS_H
#define GRAFT_VECTOR_SUMS_H

#include "vector_lanes.h"

enum { PARTIAL_SUMS = 32, SUM_VECTORS = PARTIAL_SUMS / LANES };

/// The partial sums' sum: upper half onto lower half, until one is left.
static inline float total(const Vector sums[SUM_VECTORS]) {
    float partial[PARTIAL_SUMS];
    for (size_t v = 0; v < SUM_VECTORS; v++) {
        store(partial + v * LANES, sums[v]);
    }
    for (size_t half = PARTIAL_SUMS / 2; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) {
            partial[i] += partial[i + half];
        }
    }
    return partial[0];
}

static inline float largest(Vector vector) {
    float values[LANES];
    store(values, vector);
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) {
            values[i] = values[i] > values[i + half] ? values[i] : values[i + half];
        }
    }
    return values[0];
}

#endif
