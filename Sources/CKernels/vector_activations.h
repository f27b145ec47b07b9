/// Element-wise functions and gates, in the terms of one instruction set. A file of an instruction set includes this once.
#include "vector_power.h"
#include "vector_words.h"

// MARK: GELU

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

// MARK: SiLU

/// 1 / (1 + e^(−x)), and e^(−x). Beyond 80 nothing changes that float32 could tell, and no power is subnormal.
typedef struct {
    Vector bounded, exponential, share;
} Logistic;

static inline Logistic logistic_of(Vector x) {
    const Vector bounded = minimum(splat(80), maximum(splat(-80), x));
    const Vector power = exponential(-bounded);
    return (Logistic){bounded, power, splat(1) / (splat(1) + power)};
}

static inline Vector silu(Vector x) {
    return maximum(splat(-80), x) * logistic_of(x).share;
}

/// With s the share: s + x · s · (1 − s), where 1 − s = e^(−x) · s loses nothing to cancellation.
static inline Vector silu_slope(Vector x) {
    const Logistic form = logistic_of(x);
    return multiply_add(form.bounded * form.share, form.exponential * form.share, form.share);
}

// MARK: All of them

CONSTANT_ARGUMENTS Vector activated(const GraftActivation activation, Vector x) {
    switch (activation) {
    case GRAFT_GELU:
        return gelu_by_erf(x);
    case GRAFT_GELU_TANH:
        return gelu_by_tanh(x);
    case GRAFT_RELU:
        return maximum(splat(0), x);
    case GRAFT_SILU:
        return silu(x);
    }
}

CONSTANT_ARGUMENTS Vector slope(const GraftActivation activation, Vector x) {
    switch (activation) {
    case GRAFT_GELU:
        return gelu_slope_by_erf(x);
    case GRAFT_GELU_TANH:
        return gelu_slope_by_tanh(x);
    case GRAFT_RELU:
        // What is not a number is neither, and stays.
        return choose((Words)(x > splat(0)), splat(1), choose((Words)(x <= splat(0)), splat(0), x));
    case GRAFT_SILU:
        return silu_slope(x);
    }
}

/// `name` with each kind of activation as a constant, so that each has a loop of its own.
#define WITH_CONSTANT_ACTIVATION(name, activation, ...) \
    switch (activation) {                               \
    case GRAFT_GELU:                                    \
        name(GRAFT_GELU, __VA_ARGS__);                  \
        break;                                          \
    case GRAFT_GELU_TANH:                               \
        name(GRAFT_GELU_TANH, __VA_ARGS__);             \
        break;                                          \
    case GRAFT_RELU:                                    \
        name(GRAFT_RELU, __VA_ARGS__);                  \
        break;                                          \
    case GRAFT_SILU:                                    \
        name(GRAFT_SILU, __VA_ARGS__);                  \
        break;                                          \
    }

CONSTANT_ARGUMENTS void activate_all(const GraftActivation activation, const float *x, float *out, size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        const size_t lanes = lanes_from(i, count);
        store_first(out + i, activated(activation, load_first(x + i, lanes)), lanes);
    }
}

static void activate(GraftActivation activation, const float *x, float *out, size_t count) {
    WITH_CONSTANT_ACTIVATION(activate_all, activation, x, out, count)
}

CONSTANT_ARGUMENTS void activate_all_backward(const GraftActivation activation, const float *x, const float *dy, float *dx,
                                              size_t count) {
    for (size_t i = 0; i < count; i += LANES) {
        const size_t lanes = lanes_from(i, count);
        store_first(dx + i, load_first(dy + i, lanes) * slope(activation, load_first(x + i, lanes)), lanes);
    }
}

static void activate_backward(GraftActivation activation, const float *x, const float *dy, float *dx, size_t count) {
    WITH_CONSTANT_ACTIVATION(activate_all_backward, activation, x, dy, dx, count)
}

// MARK: Gates

CONSTANT_ARGUMENTS void gate_all(const GraftActivation activation, const float *a, const float *b, ptrdiff_t stride,
                                 size_t rows, size_t columns, float *out) {
    for (size_t i = 0; i < rows; i++, a += stride, b += stride, out += columns) {
        for (size_t j = 0; j < columns; j += LANES) {
            const size_t lanes = lanes_from(j, columns);
            store_first(out + j, activated(activation, load_first(a + j, lanes)) * load_first(b + j, lanes), lanes);
        }
    }
}

static void gate(GraftActivation activation, const float *a, const float *b, ptrdiff_t stride, size_t rows, size_t columns,
                 float *out) {
    WITH_CONSTANT_ACTIVATION(gate_all, activation, a, b, stride, rows, columns, out)
}

CONSTANT_ARGUMENTS void gate_all_backward(const GraftActivation activation, const float *a, const float *b,
                                          ptrdiff_t stride, const float *dy, size_t rows, size_t columns, float *da,
                                          float *db) {
    for (size_t i = 0; i < rows; i++, a += stride, b += stride, dy += columns, da += stride, db += stride) {
        for (size_t j = 0; j < columns; j += LANES) {
            const size_t lanes = lanes_from(j, columns);
            const Vector x = load_first(a + j, lanes), d = load_first(dy + j, lanes);
            const Vector d_activated = d * load_first(b + j, lanes);
            store_first(da + j, d_activated * slope(activation, x), lanes);
            store_first(db + j, d * activated(activation, x), lanes);
        }
    }
}

static void gate_backward(GraftActivation activation, const float *a, const float *b, ptrdiff_t stride, const float *dy,
                          size_t rows, size_t columns, float *da, float *db) {
    WITH_CONSTANT_ACTIVATION(gate_all_backward, activation, a, b, stride, dy, rows, columns, da, db)
}
