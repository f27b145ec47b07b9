/// The truth: every kernel as its equation says, one number at a time. Reductions and transcendental functions go through
/// double, so that what the fast paths are compared with is right to the last bit or nearly so.
#include <math.h>

#include "dropout.h"
#include "reference_activations.h"
#include "reference_attention.h"
#include "tables.h"
#include "words.h"

// Fused only where the code says fmaf, so that this file gives the same numbers on every processor.
#pragma STDC FP_CONTRACT OFF

/// A word in memory, whatever it was written as.
typedef uint32_t __attribute__((may_alias)) Word;

// MARK: Products

/// A panel is one column: its words, and in int8 its scale and its sum.
static size_t packed_count(GraftFormat format, size_t depth, size_t columns) {
    return (graft_word_count(format, depth) + (format == GRAFT_INT8 ? 2 : 0)) * columns;
}

static void pack(GraftFormat format, const float *b, ptrdiff_t depth_stride, ptrdiff_t column_stride, size_t depth,
                 size_t columns, void *packed) {
    const size_t panel = packed_count(format, depth, 1);
    for (size_t j = 0; j < columns; j++) {
        graft_pack_column(format, b + (ptrdiff_t)j * column_stride, depth_stride, depth, (uint32_t *)packed + j * panel, 1);
    }
}

/// Σ a · b over the words, each as its format says.
static float sum_of_products(GraftFormat format, const Word *a, ptrdiff_t a_stride, const Word *b, ptrdiff_t b_stride,
                             size_t depth) {
    float sum = 0;
    for (size_t k = 0; k < depth; k++, a += a_stride, b += b_stride) {
        if (format == GRAFT_FLOAT32) {
            sum = fmaf(graft_float(*a), graft_float(*b), sum);
        } else {
            sum = fmaf(graft_float(*a & 0xffff0000), graft_float(*b & 0xffff0000), sum);
            sum = fmaf(graft_float(*a << 16), graft_float(*b << 16), sum);
        }
    }
    return sum;
}

/// Σ (a − zero) · b over the words' bytes.
static int32_t sum_of_bytes(const Word *a, ptrdiff_t a_stride, int32_t zero, const Word *b, size_t depth) {
    int32_t sum = 0;
    for (size_t k = 0; k < depth; k++, a += a_stride, b++) {
        for (int shift = 0; shift < 32; shift += 8) {
            sum += ((int32_t)(*a >> shift & 0xff) - zero) * (int8_t)(*b >> shift & 0xff);
        }
    }
    return sum;
}

static void product(const GraftProduct *p) {
    const bool packed = p->b_depth_stride == 0, is_int8 = p->format == GRAFT_INT8;
    const ptrdiff_t depth_stride = packed ? 1 : p->b_depth_stride;
    const ptrdiff_t column_stride = packed ? (ptrdiff_t)p->depth + (is_int8 ? 2 : 0) : 1;
    for (size_t i = 0; i < p->rows; i++) {
        float *out = p->out + (ptrdiff_t)i * p->out_row_stride;
        const Word *a = (const Word *)p->a + (ptrdiff_t)i * p->a_row_stride;
        for (size_t j = 0; j < p->columns; j++) {
            const Word *b = (const Word *)p->b + (ptrdiff_t)j * column_stride;
            float sum, scale = p->scale;
            if (is_int8) {
                // Padding bytes of `a` would count as −zero, but those of `b` are zero.
                const int32_t whole = sum_of_bytes(a, p->a_depth_stride, p->a_scales[i].zero, b, p->depth);
                sum = (float)whole * graft_float(b[p->depth]);
                scale *= p->a_scales[i].scale;
            } else {
                sum = sum_of_products(p->format, a, p->a_depth_stride, b, depth_stride, p->depth);
            }
            float addend = p->accumulate ? out[j] : 0;
            if (p->bias != NULL) {
                addend += p->bias[j];
            }
            out[j] = fmaf(scale, sum, addend);
        }
    }
}

// MARK: Rounding

static void round_rows(const float *x, ptrdiff_t row_stride, size_t rows, size_t columns, void *words,
                       ptrdiff_t words_stride) {
    for (size_t i = 0; i < rows; i++) {
        const float *row = x + (ptrdiff_t)i * row_stride;
        Word *to = (Word *)words + (ptrdiff_t)i * words_stride;
        for (size_t j = 0; j < columns; j += 2) {
            to[j / 2] = graft_bfloat16_word(row[j], j + 1 < columns ? row[j + 1] : 0);
        }
    }
}

static void round_row_pairs(const float *x, ptrdiff_t row_stride, size_t rows, size_t columns, void *words,
                            ptrdiff_t words_stride) {
    for (size_t i = 0; i < rows; i += 2) {
        const float *row = x + (ptrdiff_t)i * row_stride;
        Word *to = (Word *)words + (ptrdiff_t)(i / 2) * words_stride;
        for (size_t j = 0; j < columns; j++) {
            to[j] = graft_bfloat16_word(row[j], i + 1 < rows ? row[row_stride + (ptrdiff_t)j] : 0);
        }
    }
}

static void quantize_rows(const float *x, ptrdiff_t row_stride, size_t rows, size_t columns, void *words,
                          ptrdiff_t words_stride, GraftRowScale *scales) {
    for (size_t i = 0; i < rows; i++) {
        const float *row = x + (ptrdiff_t)i * row_stride;
        float lowest = 0, highest = 0, poison = 0;
        for (size_t j = 0; j < columns; j++) {
            lowest = row[j] < lowest ? row[j] : lowest;
            highest = row[j] > highest ? row[j] : highest;
            poison += row[j] * 0;
        }
        const GraftQuantization how = graft_row_quantization(lowest, highest, poison);
        scales[i] = (GraftRowScale){how.scale, (int32_t)how.zero};
        Word *to = (Word *)words + (ptrdiff_t)i * words_stride;
        for (size_t j = 0; j < columns; j += 4) {
            uint32_t word = 0;
            for (size_t e = 0; e < 4 && j + e < columns && how.inverse != 0; e++) {
                // Rounds once: what is added has ones in its last place.
                float shifted = fmaf(row[j + e], how.inverse, GRAFT_WHOLE_SHIFT + how.zero);
                float whole = fminf(fmaxf(shifted - GRAFT_WHOLE_SHIFT, 0), 255);
                word |= (uint32_t)whole << 8 * e;
            }
            to[j / 4] = word;
        }
    }
}

// MARK: Ceiling

static double ceiling(GraftFormat format, size_t iterations) {
    enum { SUMS = 8 };
    volatile float factor = 1e-3f;
    volatile int32_t whole = 3;
    const float a = factor;
    const int32_t b = whole;
    float sums[SUMS] = {0};
    uint32_t wholes[SUMS] = {0};
    for (size_t n = 0; n < iterations; n++) {
        for (size_t i = 0; i < SUMS; i++) {
            if (format == GRAFT_INT8) {
                wholes[i] += (uint32_t)((int32_t)(wholes[i] & 0xff) * b);
            } else {
                sums[i] = fmaf(a, a, sums[i]);
            }
        }
    }
    volatile float kept = 0;
    for (size_t i = 0; i < SUMS; i++) {
        kept = kept + sums[i] + (float)wholes[i];
    }
    return 2.0 * SUMS * (double)iterations;
}

// MARK: Norms

static void norm(GraftNorm kind, const float *x, const float *gamma, const float *beta, float epsilon, size_t rows,
                 size_t columns, float *out, float *normalized, float *inverse_size) {
    for (size_t i = 0; i < rows; i++, x += columns, out += columns) {
        double mean = 0, square = 0;
        for (size_t j = 0; j < columns && kind == GRAFT_LAYER_NORM; j++) {
            mean += x[j];
        }
        mean /= (double)columns;
        for (size_t j = 0; j < columns; j++) {
            square += (x[j] - mean) * (x[j] - mean);
        }
        square /= (double)columns;
        double inverse = 1 / sqrt(square + epsilon);
        for (size_t j = 0; j < columns; j++) {
            double value = (x[j] - mean) * inverse;
            out[j] = (float)(value * gamma[j] + (beta == NULL ? 0 : beta[j]));
            if (normalized != NULL) {
                normalized[i * columns + j] = (float)value;
            }
        }
        if (inverse_size != NULL) {
            inverse_size[i] = (float)inverse;
        }
    }
}

static void norm_backward(GraftNorm kind, const float *dy, const float *normalized, const float *inverse_size,
                          const float *gamma, size_t rows, size_t columns, float *dx) {
    for (size_t i = 0; i < rows; i++, dy += columns, normalized += columns, dx += columns) {
        double mean = 0, projection = 0;
        for (size_t j = 0; j < columns; j++) {
            double g = (double)gamma[j] * dy[j];
            mean += kind == GRAFT_LAYER_NORM ? g : 0;
            projection += g * normalized[j];
        }
        mean /= (double)columns;
        projection /= (double)columns;
        for (size_t j = 0; j < columns; j++) {
            double g = (double)gamma[j] * dy[j];
            dx[j] = (float)((g - mean - normalized[j] * projection) * inverse_size[i]);
        }
    }
}

// MARK: Rotary positions

static void rotate(float *x, ptrdiff_t stride, size_t rows, size_t heads, size_t width, const float *turns, bool inverse) {
    const size_t half = width / 2;
    for (size_t i = 0; i < rows; i++, x += stride, turns += width) {
        for (size_t n = 0; n < heads * half; n++) {
            float *pair = x + n / half * width + n % half;
            double left = pair[0], right = pair[half];
            double cosine = turns[n % half], sine = inverse ? -turns[half + n % half] : turns[half + n % half];
            pair[0] = (float)(left * cosine - right * sine);
            pair[half] = (float)(right * cosine + left * sine);
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

static void scale_columns(const float *x, ptrdiff_t row_stride, const float *factors, size_t rows, size_t columns,
                          float *out) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            out[i * columns + j] = x[(ptrdiff_t)i * row_stride + (ptrdiff_t)j] * factors[j];
        }
    }
}

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
    .chains_bfloat16 = true,
    .panel_width = 1,
    .packed_count = packed_count,
    .pack = pack,
    .product = product,
    .round_rows = round_rows,
    .round_row_pairs = round_row_pairs,
    .quantize_rows = quantize_rows,
    .ceiling = ceiling,
    .activate = graft_reference_activate,
    .activate_backward = graft_reference_activate_backward,
    .gate = graft_reference_gate,
    .gate_backward = graft_reference_gate_backward,
    .norm = norm,
    .norm_backward = norm_backward,
    .rotate = rotate,
    .softmax = softmax,
    .attention_scratch = graft_reference_attention_scratch,
    .attention = graft_reference_attention,
    .attention_backward = graft_reference_attention_backward,
    .dropout = dropout,
    .scale_columns = scale_columns,
    .add = add,
    .dot = dot,
};
