/// The truth of attention: as its equations say, one score at a time, through double. The backward needs no statistics: it
/// takes every step of the forward again.
#include <math.h>

#include "dropout.h"
#include "reference_attention.h"
#include "words.h"

#pragma STDC FP_CONTRACT OFF

/// One head of one call, and what the caller's scratch holds for it.
typedef struct {
    const GraftAttention *call;
    size_t head;
    /// [length] each: a row's powers e^(score − greatest score), what dropout leaves of them, and a row of dP.
    double *powers, *kept, *dp;
    /// [length, width] each, summed over the rows.
    double *d_key, *d_value;
} Head;

size_t graft_reference_attention_scratch(GraftFormat format, size_t length, size_t width, size_t reach) {
    (void)format;
    (void)reach;
    const size_t doubles = 3 * length + 2 * length * width;
    // One more, for doubles begin where an address is a multiple of their size.
    return (doubles + 1) * (sizeof(double) / sizeof(float));
}

static Head head_of(const GraftAttention *call, size_t head) {
    const uintptr_t address = (uintptr_t)call->scratch, size = sizeof(double);
    double *start = (double *)((address + size - 1) / size * size);
    const size_t length = call->length;
    return (Head){call,  head, start, start + length, start + 2 * length, start + 3 * length,
                  start + 3 * length + length * call->width};
}

static const float *row_of(const float *start, ptrdiff_t stride, size_t row, const Head *h) {
    return start + (ptrdiff_t)row * stride + h->head * h->call->width;
}

/// What a product reads.
static double factor(const Head *h, double value) {
    if (h->call->format == GRAFT_FLOAT32) {
        return value;
    }
    return graft_float(graft_rounded_bits((float)value) & 0xffff0000);
}

static double dot(const Head *h, const float *x, const float *y) {
    double sum = 0;
    for (size_t c = 0; c < h->call->width; c++) {
        sum += factor(h, x[c]) * factor(h, y[c]);
    }
    return sum;
}

static bool is_kept(const Head *h, size_t i, size_t j) {
    const GraftAttention *t = h->call;
    const uint64_t index = ((uint64_t)(t->dropout_stream + (uint32_t)h->head) << 32) + i * t->length + j;
    const GraftDropoutKeyWords words = graft_dropout_key_words(t->dropout_key, (uint32_t)(index >> 32));
    return graft_dropout_hash(words, (uint32_t)index) >= graft_dropout_threshold(t->dropout_rate);
}

/// Of row `i` and key `j`; −∞ out of reach.
static double score(const Head *h, size_t i, size_t j) {
    const GraftAttention *t = h->call;
    if ((i < j ? j - i : i - j) > t->reach) {
        return -INFINITY;
    }
    const double product = dot(h, row_of(t->query, t->query_stride, i, h), row_of(t->key, t->key_stride, j, h));
    const ptrdiff_t place =
        (ptrdiff_t)h->head * t->bias_head_stride + (ptrdiff_t)i * t->bias_row_stride + (ptrdiff_t)j;
    return t->scale * product + (t->bias == NULL ? 0 : t->bias[place]);
}

/// Steps 1 and 2 of row `i`, but for the division by their sum, which is returned.
static double powers_of_row(const Head *h, size_t i) {
    const GraftAttention *t = h->call;
    double greatest = -INFINITY, sum = 0;
    for (size_t j = 0; j < t->length; j++) {
        h->powers[j] = score(h, i, j);
        greatest = fmax(greatest, h->powers[j]);
    }
    for (size_t j = 0; j < t->length; j++) {
        h->powers[j] = exp(h->powers[j] - greatest);
        sum += h->powers[j];
    }
    return sum;
}

void graft_reference_attention(const GraftAttention *t) {
    const double kept_scale = graft_dropout_scale(t->dropout_rate);
    for (size_t head = 0; head < t->heads; head++) {
        const Head h = head_of(t, head);
        for (size_t i = 0; i < t->length; i++) {
            const double sum = powers_of_row(&h, i);
            float *context = t->context + (ptrdiff_t)i * t->context_stride + head * t->width;
            for (size_t j = 0; j < t->length; j++) {
                h.kept[j] = is_kept(&h, i, j) ? factor(&h, h.powers[j]) : 0;
            }
            for (size_t c = 0; c < t->width; c++) {
                double value = 0;
                for (size_t j = 0; j < t->length; j++) {
                    value += h.kept[j] * factor(&h, row_of(t->value, t->value_stride, j, &h)[c]);
                }
                context[c] = (float)(value * kept_scale / sum);
            }
        }
    }
}

static void write_sums(const double *sums, const GraftAttention *t, size_t head, float *to, ptrdiff_t stride) {
    for (size_t j = 0; j < t->length; j++) {
        for (size_t c = 0; c < t->width; c++) {
            to[(ptrdiff_t)j * stride + (ptrdiff_t)(head * t->width + c)] = (float)sums[j * t->width + c];
        }
    }
}

void graft_reference_attention_backward(const GraftAttention *t, const GraftAttentionGradients *d) {
    const double kept_scale = graft_dropout_scale(t->dropout_rate), scale = t->scale * kept_scale;
    for (size_t head = 0; head < t->heads; head++) {
        const Head h = head_of(t, head);
        for (size_t n = 0; n < t->length * t->width; n++) {
            h.d_key[n] = h.d_value[n] = 0;
        }
        for (size_t i = 0; i < t->length; i++) {
            const double sum = powers_of_row(&h, i);
            const float *query = row_of(t->query, t->query_stride, i, &h);
            const float *d_context = row_of(d->context, d->context_stride, i, &h);
            // The two factors 1 / (1 − rate) of dP and of kept P come with the products' scales.
            double projection = 0;
            for (size_t j = 0; j < t->length; j++) {
                h.powers[j] /= sum;
                h.kept[j] = is_kept(&h, i, j) ? h.powers[j] : 0;
                h.dp[j] = dot(&h, d_context, row_of(t->value, t->value_stride, j, &h));
                projection += h.kept[j] * h.dp[j];
            }
            for (size_t j = 0; j < t->length; j++) {
                const double d_score = h.kept[j] * h.dp[j] - h.powers[j] * projection;
                if (d->scores != NULL) {
                    d->scores[(ptrdiff_t)head * d->scores_head_stride + (ptrdiff_t)i * d->scores_row_stride + (ptrdiff_t)j] =
                        (float)(kept_scale * d_score);
                }
                h.dp[j] = factor(&h, d_score);
                h.kept[j] = factor(&h, h.kept[j]);
            }
            for (size_t c = 0; c < t->width; c++) {
                double d_query = 0;
                for (size_t j = 0; j < t->length; j++) {
                    d_query += scale * h.dp[j] * factor(&h, row_of(t->key, t->key_stride, j, &h)[c]);
                    h.d_key[j * t->width + c] += scale * h.dp[j] * factor(&h, query[c]);
                    h.d_value[j * t->width + c] += kept_scale * h.kept[j] * factor(&h, d_context[c]);
                }
                if (d->query != NULL) {
                    d->query[(ptrdiff_t)i * d->query_stride + (ptrdiff_t)(head * t->width + c)] = (float)d_query;
                }
            }
        }
        if (d->key != NULL) {
            write_sums(h.d_key, t, head, d->key, d->key_stride);
        }
        if (d->value != NULL) {
            write_sums(h.d_value, t, head, d->value, d->value_stride);
        }
    }
}
