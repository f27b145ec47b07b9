/// The truth: every kernel as its equation says, one number at a time. Reductions and transcendental functions go through
/// double, so that what the fast paths are compared with is right to the last bit or nearly so.
#include <math.h>

#include "dropout.h"
#include "reference_attention.h"
#include "tables.h"

// Fused only where the code says fmaf, so that this file gives the same numbers on every processor.
#pragma STDC FP_CONTRACT OFF

// MARK: Products

/// A panel is one column.
static size_t packed_count(size_t depth, size_t columns) {
    return depth * columns;
}

static void pack(const float *b, ptrdiff_t depth_stride, ptrdiff_t column_stride, size_t depth, size_t columns,
                 float *packed) {
    for (size_t j = 0; j < columns; j++) {
        for (size_t k = 0; k < depth; k++) {
            packed[j * depth + k] = b[(ptrdiff_t)k * depth_stride + (ptrdiff_t)j * column_stride];
        }
    }
}

static void product(const GraftProduct *p) {
    bool packed = p->b_depth_stride == 0;
    ptrdiff_t depth_stride = packed ? 1 : p->b_depth_stride;
    ptrdiff_t column_stride = packed ? (ptrdiff_t)p->depth : 1;
    for (size_t i = 0; i < p->rows; i++) {
        float *out = p->out + (ptrdiff_t)i * p->out_row_stride;
        for (size_t j = 0; j < p->columns; j++) {
            const float *a = p->a + (ptrdiff_t)i * p->a_row_stride;
            const float *b = p->b + (ptrdiff_t)j * column_stride;
            float sum = 0;
            for (size_t k = 0; k < p->depth; k++) {
                sum = fmaf(a[(ptrdiff_t)k * p->a_depth_stride], b[(ptrdiff_t)k * depth_stride], sum);
            }
            float addend = p->accumulate ? out[j] : 0;
            if (p->bias != NULL) {
                addend += p->bias[j];
            }
            out[j] = fmaf(p->scale, sum, addend);
        }
    }
}

// MARK: GELU

static const double inverse_root_2 = 0.70710678118654752440;          // 1 / √2
static const double inverse_root_2_pi = 0.39894228040143267794;       // 1 / √(2π)
static const double root_2_over_pi = 0.79788456080286535588;          // √(2/π)
static const double tanh_form_cubic = 0.044715;

static void gelu(const float *x, float *out, size_t count, bool tanh_form) {
    for (size_t i = 0; i < count; i++) {
        double v = x[i];
        double share = tanh_form ? 0.5 * (1 + tanh(root_2_over_pi * (v + tanh_form_cubic * v * v * v)))
                                 : 0.5 * erfc(-v * inverse_root_2);
        out[i] = (float)(v * share);
    }
}

static void gelu_backward(const float *x, const float *dy, float *dx, size_t count, bool tanh_form) {
    for (size_t i = 0; i < count; i++) {
        double v = x[i], slope;
        if (tanh_form) {
            double t = tanh(root_2_over_pi * (v + tanh_form_cubic * v * v * v));
            double inner_slope = root_2_over_pi * (1 + 3 * tanh_form_cubic * v * v);
            slope = 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * inner_slope;
        } else {
            slope = 0.5 * erfc(-v * inverse_root_2) + v * inverse_root_2_pi * exp(-0.5 * v * v);
        }
        dx[i] = (float)(dy[i] * slope);
    }
}

// MARK: Layer norm

static void layer_norm(const float *x, const float *gamma, const float *beta, float epsilon, size_t rows,
                       size_t columns, float *out, float *normalized, float *inverse_deviation) {
    for (size_t i = 0; i < rows; i++, x += columns, out += columns) {
        double mean = 0, variance = 0;
        for (size_t j = 0; j < columns; j++) {
            mean += x[j];
        }
        mean /= (double)columns;
        for (size_t j = 0; j < columns; j++) {
            variance += (x[j] - mean) * (x[j] - mean);
        }
        variance /= (double)columns;
        double inverse = 1 / sqrt(variance + epsilon);
        for (size_t j = 0; j < columns; j++) {
            double value = (x[j] - mean) * inverse;
            out[j] = (float)(value * gamma[j] + beta[j]);
            if (normalized != NULL) {
                normalized[i * columns + j] = (float)value;
            }
        }
        if (inverse_deviation != NULL) {
            inverse_deviation[i] = (float)inverse;
        }
    }
}

static void layer_norm_backward(const float *dy, const float *normalized, const float *inverse_deviation,
                                const float *gamma, size_t rows, size_t columns, float *dx) {
    for (size_t i = 0; i < rows; i++, dy += columns, normalized += columns, dx += columns) {
        double mean = 0, projection = 0;
        for (size_t j = 0; j < columns; j++) {
            double g = (double)gamma[j] * dy[j];
            mean += g;
            projection += g * normalized[j];
        }
        mean /= (double)columns;
        projection /= (double)columns;
        for (size_t j = 0; j < columns; j++) {
            double g = (double)gamma[j] * dy[j];
            dx[j] = (float)((g - mean - normalized[j] * projection) * inverse_deviation[i]);
        }
    }
}

// MARK: Softmax

static void softmax(float *x, ptrdiff_t stride, float scale, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++, x += stride) {
        double largest = -INFINITY, sum = 0;
        for (size_t j = 0; j < columns; j++) {
            largest = fmax(largest, (double)scale * x[j]);
        }
        for (size_t j = 0; j < columns; j++) {
            sum += exp((double)scale * x[j] - largest);
        }
        for (size_t j = 0; j < columns; j++) {
            x[j] = (float)(exp((double)scale * x[j] - largest) / sum);
        }
    }
}

static void softmax_backward(const float *p, float *dp, ptrdiff_t stride, float scale, size_t rows, size_t columns) {
    for (size_t i = 0; i < rows; i++, p += stride, dp += stride) {
        double sum = 0;
        for (size_t j = 0; j < columns; j++) {
            sum += (double)dp[j] * p[j];
        }
        for (size_t j = 0; j < columns; j++) {
            dp[j] = (float)(scale * (p[j] * (dp[j] - sum)));
        }
    }
}

// MARK: Dropout

static void dropout(uint64_t key, uint64_t first, float rate, const float *x, float *out, size_t count) {
    uint32_t threshold = graft_dropout_threshold(rate);
    float scale = graft_dropout_scale(rate);
    for (size_t i = 0; i < count; i++) {
        uint64_t index = first + i;
        GraftDropoutKeyWords words = graft_dropout_key_words(key, (uint32_t)(index >> 32));
        out[i] = graft_dropout_hash(words, (uint32_t)index) >= threshold ? x[i] * scale : 0;
    }
}

// MARK: Sums

static void add(float scale, const float *x, float *y, size_t count) {
    for (size_t i = 0; i < count; i++) {
        y[i] = fmaf(scale, x[i], y[i]);
    }
}

static float dot(const float *x, const float *y, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)x[i] * y[i];
    }
    return (float)sum;
}

const GraftKernels graft_reference_kernels = {
    .name = "reference",
    .panel_width = 1,
    .packed_count = packed_count,
    .pack = pack,
    .product = product,
    .gelu = gelu,
    .gelu_backward = gelu_backward,
    .layer_norm = layer_norm,
    .layer_norm_backward = layer_norm_backward,
    .softmax = softmax,
    .softmax_backward = softmax_backward,
    .attention_scratch = graft_reference_attention_scratch,
    .attention = graft_reference_attention,
    .attention_backward = graft_reference_attention_backward,
    .dropout = dropout,
    .add = add,
    .dot = dot,
};
