/// Powers of two, in the terms of one instruction set.
#ifndef GRAFT_VECTOR_POWER_H
#define GRAFT_VECTOR_POWER_H

#include "words.h"

/// 2ˣ for −125 ≤ x ≤ 0, within 1e-7 of itself: x = n + f with a whole n, and a polynomial in f of degree 5, whose
/// exponent n is added to.
static inline Vector power_of_two(Vector x) {
    // Where numbers are whole, adding rounds: n is then in the low bits.
    const Vector shift = splat(GRAFT_WHOLE_SHIFT);
    const Vector shifted = x + shift;
    const Vector f = x - (shifted - shift);
    const Vector square = f * f;
    Vector odd = splat(0.0013264727f), even = splat(0.009671513f);
    odd = multiply_add(odd, square, splat(0.055507336f));
    even = multiply_add(even, square, splat(0.24022242f));
    odd = multiply_add(odd, square, splat(0.693147f));
    even = multiply_add(even, square, splat(1));
    const Vector power = multiply_add(odd, f, even);
    return (Vector)((Words)power + ((Words)shifted << 23));
}

#endif
