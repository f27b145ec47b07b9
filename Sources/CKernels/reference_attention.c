/// The truth of attention: as its equations say, one score at a time, through double. The backward needs no statistics: it
/// takes every step of the forward again.
#include <math.h>

#include "dropout.h"
#include "reference_attention.h"

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

size_t graft_reference_attention_scratch(size_t length, size_t width) {
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

static double dot(const float *x, const float *y, size_t count) {
    double sum = 0;
    for (size_t c = 0; c < count; c++) {
        sum += (double)x[c] * y[c];
    }
    return sum;
}

/// 0, or 1 / (1 − rate).
static double kept_share(const Head *h, size_t i, size_t j) {
    const GraftAttention *t = h->call;
    const uint64_t index = ((uint64_t)(t->dropout_stream + h->head) << 32) + i * t->length + j;
    const GraftDropoutKeyWords words = graft_dropout_key_words(t->dropout_key, (uint32_t)(index >> 32));
    const bool is_kept = graft_dropout_hash(words, (uint32_t)index) >= graft_dropout_threshold(t->dropout_rate);
    return is_kept ? graft_dropout_scale(t->dropout_rate) : 0;
}

/// Steps 1 and 2 of row `i`, but for the division by their sum, which is returned.
static double powers_of_row(const Head *h, size_t i) {
    const GraftAttention *t = h->call;
    double greatest = -INFINITY, sum = 0;
    const float *query = row_of(t->query, t->query_stride, i, h);
    for (size_t j = 0; j < t->length; j++) {
        h->powers[j] = t->scale * dot(query, row_of(t->key, t->key_stride, j, h), t->width);
        greatest = fmax(greatest, h->powers[j]);
    }
    for (size_t j = 0; j < t->length; j++) {
        h->powers[j] = exp(h->powers[j] - greatest);
        sum += h->powers[j];
    }
    return sum;
}

void graft_reference_attention(const GraftAttention *t) {
    for (size_t head = 0; head < t->heads; head++) {
        const Head h = head_of(t, head);
        for (size_t i = 0; i < t->length; i++) {
            const double sum = powers_of_row(&h, i);
            float *context = t->context + (ptrdiff_t)i * t->context_stride + head * t->width;
            for (size_t j = 0; j < t->length; j++) {
                h.kept[j] = kept_share(&h, i, j) * h.powers[j];
            }
            for (size_t c = 0; c < t->width; c++) {
                double value = 0;
                for (size_t j = 0; j < t->length; j++) {
                    value += h.kept[j] * row_of(t->value, t->value_stride, j, &h)[c];
                }
                context[c] = (float)(value / sum);
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
    for (size_t head = 0; head < t->heads; head++) {
        const Head h = head_of(t, head);
        for (size_t n = 0; n < t->length * t->width; n++) {
            h.d_key[n] = h.d_value[n] = 0;
        }
        for (size_t i = 0; i < t->length; i++) {
            const double sum = powers_of_row(&h, i);
            const float *d_context = row_of(d->context, d->context_stride, i, &h);
            double projection = 0;
            for (size_t j = 0; j < t->length; j++) {
                const double share = kept_share(&h, i, j);
                h.powers[j] /= sum;
                h.kept[j] = share * h.powers[j];
                h.dp[j] = share * dot(d_context, row_of(t->value, t->value_stride, j, &h), t->width);
                projection += h.powers[j] * h.dp[j];
            }
            for (size_t c = 0; c < t->width; c++) {
                const double query = row_of(t->query, t->query_stride, i, &h)[c];
                double d_query = 0;
                for (size_t j = 0; j < t->length; j++) {
                    const double d_score = t->scale * h.powers[j] * (h.dp[j] - projection);
                    d_query += d_score * row_of(t->key, t->key_stride, j, &h)[c];
                    h.d_key[j * t->width + c] += d_score * query;
                    h.d_value[j * t->width + c] += h.kept[j] * d_context[c];
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
