/// The truth of activations and gates: as their equations say, through double.
#include <math.h>

#include "reference_activations.h"

#pragma STDC FP_CONTRACT OFF

static const double inverse_root_2 = 0.70710678118654752440;          // 1 / √2
static const double inverse_root_2_pi = 0.39894228040143267794;       // 1 / √(2π)
static const double root_2_over_pi = 0.79788456080286535588;          // √(2/π)
static const double tanh_form_cubic = 0.044715;

static double activated(GraftActivation activation, double v) {
    switch (activation) {
    case GRAFT_GELU:
        return v * 0.5 * erfc(-v * inverse_root_2);
    case GRAFT_GELU_TANH:
        return v * 0.5 * (1 + tanh(root_2_over_pi * (v + tanh_form_cubic * v * v * v)));
    case GRAFT_RELU:
        return v < 0 ? 0 : v;
    case GRAFT_SILU:
        return v / (1 + exp(-v));
    }
}

static double slope(GraftActivation activation, double v) {
    switch (activation) {
    case GRAFT_GELU:
        return 0.5 * erfc(-v * inverse_root_2) + v * inverse_root_2_pi * exp(-0.5 * v * v);
    case GRAFT_GELU_TANH: {
        double t = tanh(root_2_over_pi * (v + tanh_form_cubic * v * v * v));
        double inner_slope = root_2_over_pi * (1 + 3 * tanh_form_cubic * v * v);
        return 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * inner_slope;
    }
    case GRAFT_RELU:
        return v > 0 ? 1 : v <= 0 ? 0 : v;
    case GRAFT_SILU: {
        double share = 1 / (1 + exp(-v));
        return share + v * share * (1 - share);
    }
    }
}

void graft_reference_activate(GraftActivation activation, const float *x, float *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        out[i] = (float)activated(activation, x[i]);
    }
}

void graft_reference_activate_backward(GraftActivation activation, const float *x, const float *dy, float *dx,
                                       size_t count) {
    for (size_t i = 0; i < count; i++) {
        dx[i] = (float)(dy[i] * slope(activation, x[i]));
    }
}

void graft_reference_gate(GraftActivation activation, const float *a, const float *b, ptrdiff_t stride, size_t rows,
                          size_t columns, float *out) {
    for (size_t i = 0; i < rows; i++, a += stride, b += stride, out += columns) {
        for (size_t j = 0; j < columns; j++) {
            out[j] = (float)(activated(activation, a[j]) * b[j]);
        }
    }
}

void graft_reference_gate_backward(GraftActivation activation, const float *a, const float *b, ptrdiff_t stride,
                                   const float *dy, size_t rows, size_t columns, float *da, float *db) {
    for (size_t i = 0; i < rows; i++, a += stride, b += stride, dy += columns, da += stride, db += stride) {
        for (size_t j = 0; j < columns; j++) {
            const double x = a[j], factor = b[j];
            da[j] = (float)(dy[j] * factor * slope(activation, x));
            db[j] = (float)(dy[j] * activated(activation, x));
        }
    }
}
