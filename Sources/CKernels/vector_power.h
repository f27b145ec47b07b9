/// Powers of two and of e, in the terms of one instruction set.
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

/// eˣ for x ≤ 88, within two units in the last place; 0 below ln 2⁻¹²⁶, where the result would be subnormal.
///
/// x = n · ln 2 + r with a whole n and |r| ≤ ln 2 / 2, the usual reduction (W. J. Cody, W. Waite, "Software Manual for the
/// Elementary Functions", 1980); eʳ = 1 + r + r² · q(r), q of degree 4 fitted for the least relative error, 3.1e-9.
static inline Vector exponential(Vector x) {
    const Vector lowest = splat(-87.3365f);
    // In the last place of 1.5 · 2²³ stand ones, so adding it rounds to a whole number, whose bits are then the last ones.
    const Vector shift = splat(12582912.0f);
    // `maximum` gives its second argument if one is not a number, which must come out again.
    const Vector bounded = maximum(lowest, x);
    const Vector shifted = multiply_add(bounded, splat(1.44269504f), shift);
    const Vector n = shifted - shift;
    // ln 2 in two parts.
    Vector r = multiply_add(n, splat(-0.693147182f), bounded);
    r = multiply_add(n, splat(1.90465421e-9f), r);
    Vector q = splat(0.001381432f);
    q = multiply_add(q, r, splat(0.008368851f));
    q = multiply_add(q, r, splat(0.0416684f));
    q = multiply_add(q, r, splat(0.1666652f));
    q = multiply_add(q, r, splat(0.49999994f));
    const Vector power = multiply_add(q, r * r, r) + splat(1);
    const Words two_to_n = ((Words)shifted << 23) + splat_word(0x3f800000);
    const Vector result = power * (Vector)two_to_n;
    return (Vector)((Words)result & ~(Words)(x < lowest));
}

#endif
