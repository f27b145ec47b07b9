/// Everything but the product, in the terms of one instruction set. A file of an instruction set includes this once, after
/// it has defined `Vector`, `LANES`, load, load_partial, store, store_partial, splat, multiply_add, minimum and maximum.
///
/// Sums go through `PARTIAL_SUMS` partial sums, whatever the vectors' width, and every step is rounded as IEEE 754 says,
/// so that all instruction sets give the same bits.
#include "dropout.h"
#include "vector_sums.h"

// MARK: Exponential

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

// MARK: GELU

/// 2ˣ for −100 ≤ x ≤ 0, within 1e-7 of itself: x = n + f with a whole n, and a polynomial in f of degree 5, whose
/// exponent n is added to.
static inline Vector power_of_two(Vector x) {
    // As in `exponential`.
    const Vector shift = splat(12582912.0f);
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

/// −|x|, but not below −8, where x · Φ(x) is −5e-15.
static inline Vector negative_within_8(Vector x) {
    return maximum(splat(-8), (Vector)((Words)x | 0x80000000));
}

/// x · Φ(x) = max(0, x) + v · Φ(v) with v = −|x|, where Φ(v) is 2 to the power of a polynomial in v, fitted on −8 ≤ v ≤ 0 for
/// the least error of v · Φ(v), which is 9e-9. There is no division, which takes as long as ten multiply-adds,
/// and even and odd powers are two chains, since here one waits for the other.
static inline Vector gelu_by_erf(Vector x) {
    const Vector v = negative_within_8(x);
    const Vector square = v * v;
    Vector even = splat(-1.9020662e-6f), odd = splat(-2.8056947e-5f);
    even = multiply_add(even, square, splat(-0.00013147325f));
    odd = multiply_add(odd, square, splat(0.00027207567f));
    even = multiply_add(even, square, splat(0.007245421f));
    odd = multiply_add(odd, square, splat(0.052627612f));
    even = multiply_add(even, square, splat(-0.45916215f));
    odd = multiply_add(odd, square, splat(1.151111f));
    even = multiply_add(even, square, splat(-1));
    const Vector exponent = multiply_add(odd, v, even);
    return multiply_add(v, power_of_two(exponent), maximum(splat(0), x));
}

/// Φ(x) + x · φ(x), which at v = −|x| is e^(−v²/2) · (m(v) + v / √(2π)), and at |x| 1 less that. m is Mills' ratio
/// Φ(v) / e^(−v²/2), a polynomial fitted on −8 ≤ v ≤ 0 for the least error of the slope, 8e-8; v / √(2π) is added to its second
/// coefficient.
static inline Vector gelu_slope_by_erf(Vector x) {
    const Vector v = negative_within_8(x);
    const Vector square = v * v;
    const Vector power = power_of_two(square * splat(-0.72134752f));
    Vector even = splat(1.5979541e-6f), odd = splat(3.478416e-5f);
    even = multiply_add(even, square, splat(0.00033782268f));
    odd = multiply_add(odd, square, splat(0.0019716357f));
    even = multiply_add(even, square, splat(0.007943372f));
    odd = multiply_add(odd, square, splat(0.024336344f));
    even = multiply_add(even, square, splat(0.06119024f));
    odd = multiply_add(odd, square, splat(0.13254066f));
    even = multiply_add(even, square, splat(0.24992676f));
    odd = multiply_add(odd, square, splat(0.79788038f));
    even = multiply_add(even, square, splat(0.5f));
    const Vector below = multiply_add(odd, v, even) * power;
    return choose((Words)(x < splat(0)), below, splat(1) - below);
}

/// With u = √(2/π) · (x + 0.044715 x³): e^(−2u), and ½ (1 + tanh(u)), which is 1 / (1 + e^(−2u)).
typedef struct {
    Vector exponential, share;
} TanhForm;

static inline TanhForm tanh_form_of(Vector x, Vector square) {
    const Vector exponent = x * multiply_add(square, splat(-0.0713548163f), splat(-1.59576912f));
    const Vector power = exponential(minimum(splat(88), exponent));
    return (TanhForm){power, splat(1) / (splat(1) + power)};
}

/// From 20 on ½ (1 + tanh(u)) is 1, and x³ must not become infinite where it is multiplied with 0.
static inline Vector within_20(Vector x) {
    return minimum(splat(20), maximum(splat(-20), x));
}

static inline Vector gelu_by_tanh(Vector x) {
    const Vector bounded = within_20(x);
    return maximum(splat(-20), x) * tanh_form_of(bounded, bounded * bounded).share;
}

/// With s the share: s + x · s · (1 − s) · 2u′, where 1 − s = e^(−2u) · s loses nothing to cancellation.
static inline Vector gelu_slope_by_tanh(Vector x) {
    const Vector bounded = within_20(x);
    const Vector square = bounded * bounded;
    const TanhForm form = tanh_form_of(bounded, square);
    const Vector inner_slope = multiply_add(square, splat(0.214064449f), splat(1.59576912f));
    return multiply_add(bounded * form.share * (form.exponential * form.share), inner_slope, form.share);
}

static void gelu(const float *x, float *out, size_t count, bool tanh_form) {
    for (size_t i = 0; i < count; i += LANES) {
        const size_t lanes = lanes_from(i, count);
        const Vector value = load_first(x + i, lanes);
        store_first(out + i, tanh_form ? gelu_by_tanh(value) : gelu_by_erf(value), lanes);
    }
}

static void gelu_backward(const float *x, const float *dy, float *dx, size_t count, bool tanh_form) {
    for (size_t i = 0; i < count; i += LANES) {
        const size_t lanes = lanes_from(i, count);
        const Vector value = load_first(x + i, lanes);
        const Vector slope = tanh_form ? gelu_slope_by_tanh(value) : gelu_slope_by_erf(value);
        store_first(dx + i, load_first(dy + i, lanes) * slope, lanes);
    }
}

// MARK: Layer norm

static void layer_norm(const float *x, const float *gamma, const float *beta, float epsilon, size_t rows,
                       size_t columns, float *out, float *normalized, float *inverse_deviation) {
    for (size_t i = 0; i < rows; i++, x += columns, out += columns) {
        Vector sums[SUM_VECTORS] = {0};
        for (size_t j = 0; j < columns; j += PARTIAL_SUMS) {
#pragma clang loop unroll(full)
            for (size_t v = 0; v < SUM_VECTORS; v++) {
                const size_t at = j + v * LANES;
                sums[v] += load_first(x + at, lanes_from(at, columns));
            }
        }
        const float mean = total(sums) / (float)columns;

        Vector squares[SUM_VECTORS] = {0};
        for (size_t j = 0; j < columns; j += PARTIAL_SUMS) {
#pragma clang loop unroll(full)
            for (size_t v = 0; v < SUM_VECTORS; v++) {
                const size_t at = j + v * LANES, lanes = lanes_from(at, columns);
                const Vector centred = first_lanes_of(load_first(x + at, lanes) - splat(mean), lanes, splat(0));
                squares[v] = multiply_add(centred, centred, squares[v]);
            }
        }
        const float inverse = 1 / __builtin_elementwise_sqrt(total(squares) / (float)columns + epsilon);
        if (inverse_deviation != NULL) {
            inverse_deviation[i] = inverse;
        }

        for (size_t at = 0; at < columns; at += LANES) {
            const size_t lanes = lanes_from(at, columns);
            const Vector value = (load_first(x + at, lanes) - splat(mean)) * splat(inverse);
            const Vector result = multiply_add(value, load_first(gamma + at, lanes), load_first(beta + at, lanes));
            if (normalized != NULL) {
                store_first(normalized + i * columns + at, value, lanes);
            }
            store_first(out + at, result, lanes);
        }
    }
}

static void layer_norm_backward(const float *dy, const float *normalized, const float *inverse_deviation,
                                const float *gamma, size_t rows, size_t columns, float *dx) {
    for (size_t i = 0; i < rows; i++, dy += columns, normalized += columns, dx += columns) {
        Vector sums[SUM_VECTORS] = {0}, products[SUM_VECTORS] = {0};
        for (size_t j = 0; j < columns; j += PARTIAL_SUMS) {
#pragma clang loop unroll(full)
            for (size_t v = 0; v < SUM_VECTORS; v++) {
                const size_t at = j + v * LANES, lanes = lanes_from(at, columns);
                const Vector g = load_first(gamma + at, lanes) * load_first(dy + at, lanes);
                sums[v] += g;
                products[v] = multiply_add(g, load_first(normalized + at, lanes), products[v]);
            }
        }
        const Vector mean = splat(total(sums) / (float)columns);
        const Vector projection = splat(-(total(products) / (float)columns));

        for (size_t at = 0; at < columns; at += LANES) {
            const size_t lanes = lanes_from(at, columns);
            const Vector g = load_first(gamma + at, lanes) * load_first(dy + at, lanes);
            const Vector left = multiply_add(load_first(normalized + at, lanes), projection, g - mean);
            store_first(dx + at, left * splat(inverse_deviation[i]), lanes);
        }
    }
}

// MARK: Softmax

static void softmax(float *x, ptrdiff_t stride, float scale, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++, x += stride) {
        Vector largest_lanes = splat(-__builtin_inff());
        for (size_t at = 0; at < columns; at += LANES) {
            const size_t lanes = lanes_from(at, columns);
            const Vector scaled = load_first(x + at, lanes) * splat(scale);
            largest_lanes = maximum(largest_lanes, first_lanes_of(scaled, lanes, largest_lanes));
        }
        const Vector shift = splat(-largest(largest_lanes));

        Vector sums[SUM_VECTORS] = {0};
        for (size_t j = 0; j < columns; j += PARTIAL_SUMS) {
#pragma clang loop unroll(full)
            for (size_t v = 0; v < SUM_VECTORS; v++) {
                const size_t at = j + v * LANES, lanes = lanes_from(at, columns);
                if (lanes > 0) {
                    const Vector power = exponential(multiply_add(load_first(x + at, lanes), splat(scale), shift));
                    store_first(x + at, power, lanes);
                    sums[v] += first_lanes_of(power, lanes, splat(0));
                }
            }
        }
        const Vector inverse = splat(1 / total(sums));

        for (size_t at = 0; at < columns; at += LANES) {
            const size_t lanes = lanes_from(at, columns);
            store_first(x + at, load_first(x + at, lanes) * inverse, lanes);
        }
    }
}

static void softmax_backward(const float *p, float *dp, ptrdiff_t stride, float scale, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++, p += stride, dp += stride) {
        Vector sums[SUM_VECTORS] = {0};
        for (size_t j = 0; j < columns; j += PARTIAL_SUMS) {
#pragma clang loop unroll(full)
            for (size_t v = 0; v < SUM_VECTORS; v++) {
                const size_t at = j + v * LANES, lanes = lanes_from(at, columns);
                sums[v] = multiply_add(load_first(dp + at, lanes), load_first(p + at, lanes), sums[v]);
            }
        }
        const Vector sum = splat(total(sums));
        for (size_t at = 0; at < columns; at += LANES) {
            const size_t lanes = lanes_from(at, columns);
            const Vector centred = load_first(dp + at, lanes) - sum;
            store_first(dp + at, load_first(p + at, lanes) * splat(scale) * centred, lanes);
        }
    }
}

// MARK: Dropout

static void dropout(uint64_t key, uint64_t first, float rate, const float *x, float *out, size_t count) {
    const Words threshold = splat_word(graft_dropout_threshold(rate));
    const Vector scale = splat(graft_dropout_scale(rate));
    while (count > 0) {
        const size_t run = graft_dropout_run(first, count);
        const GraftDropoutKeyWords words = graft_dropout_key_words(key, (uint32_t)(first >> 32));
        const Words start = lane_numbers() + splat_word((uint32_t)first + words.first);
        for (size_t i = 0; i < run; i += LANES) {
            // graft_dropout_hash
            Words h = start + (uint32_t)i;
            h = (h ^ (h >> 16)) * GRAFT_DROPOUT_MULTIPLIER_1 + words.second;
            h = (h ^ (h >> 15)) * GRAFT_DROPOUT_MULTIPLIER_2;
            const Words kept = (Words)(h >= threshold);
            const size_t lanes = lanes_from(i, run);
            store_first(out + i, (Vector)((Words)(load_first(x + i, lanes) * scale) & kept), lanes);
        }
        first += run;
        x += run;
        out += run;
        count -= run;
    }
}

// MARK: Sums

static void add(float scale, const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        const size_t lanes = lanes_from(i, count);
        store_first(y + i, multiply_add(splat(scale), load_first(x + i, lanes), load_first(y + i, lanes)), lanes);
    }
}

static float dot(const float *x, const float *y, size_t count) {
    Vector sums[SUM_VECTORS] = {0};
    for (size_t j = 0; j < count; j += PARTIAL_SUMS) {
#pragma clang loop unroll(full)
        for (size_t v = 0; v < SUM_VECTORS; v++) {
            const size_t at = j + v * LANES, lanes = lanes_from(at, count);
            sums[v] = multiply_add(load_first(x + at, lanes), load_first(y + at, lanes), sums[v]);
        }
    }
    return total(sums);
}
