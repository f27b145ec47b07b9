/// Norms, softmax, rotary positions, dropout and sums, in the terms of one instruction set. A file of an instruction set
/// includes this once, after it has defined `Vector`, `LANES`, load, load_partial, store, store_partial, splat, multiply_add,
/// minimum and maximum.
///
/// Sums go through `PARTIAL_SUMS` partial sums, whatever the vectors' width, and every step is rounded as IEEE 754 says,
/// so that all instruction sets give the same bits.
#include "dropout.h"
#include "vector_power.h"
#include "vector_sums.h"
#include "vector_words.h"

// MARK: Norms

CONSTANT_ARGUMENTS void norm_rows(const GraftNorm kind, const float *x, const float *gamma, const float *beta,
                                  float epsilon, size_t rows, size_t columns, float *out, float *normalized,
                                  float *inverse_size) {
    for (size_t i = 0; i < rows; i++, x += columns, out += columns) {
        Vector mean = splat(0);
        if (kind == GRAFT_LAYER_NORM) {
            Vector sums[SUM_VECTORS] = {0};
            for (size_t j = 0; j < columns; j += PARTIAL_SUMS) {
#pragma clang loop unroll(full)
                for (size_t v = 0; v < SUM_VECTORS; v++) {
                    const size_t at = j + v * LANES;
                    sums[v] += load_first(x + at, lanes_from(at, columns));
                }
            }
            mean = splat(total(sums) / (float)columns);
        }

        Vector squares[SUM_VECTORS] = {0};
        for (size_t j = 0; j < columns; j += PARTIAL_SUMS) {
#pragma clang loop unroll(full)
            for (size_t v = 0; v < SUM_VECTORS; v++) {
                const size_t at = j + v * LANES, lanes = lanes_from(at, columns);
                Vector centred = load_first(x + at, lanes);
                if (kind == GRAFT_LAYER_NORM) {
                    centred = first_lanes_of(centred - mean, lanes, splat(0));
                }
                squares[v] = multiply_add(centred, centred, squares[v]);
            }
        }
        const float inverse = 1 / __builtin_elementwise_sqrt(total(squares) / (float)columns + epsilon);
        if (inverse_size != NULL) {
            inverse_size[i] = inverse;
        }

        for (size_t at = 0; at < columns; at += LANES) {
            const size_t lanes = lanes_from(at, columns);
            const Vector value = (load_first(x + at, lanes) - mean) * splat(inverse);
            const Vector shift = beta == NULL ? splat(0) : load_first(beta + at, lanes);
            const Vector result = multiply_add(value, load_first(gamma + at, lanes), shift);
            if (normalized != NULL) {
                store_first(normalized + i * columns + at, value, lanes);
            }
            store_first(out + at, result, lanes);
        }
    }
}

static void norm(GraftNorm kind, const float *x, const float *gamma, const float *beta, float epsilon, size_t rows,
                 size_t columns, float *out, float *normalized, float *inverse_size) {
    if (kind == GRAFT_LAYER_NORM) {
        norm_rows(GRAFT_LAYER_NORM, x, gamma, beta, epsilon, rows, columns, out, normalized, inverse_size);
    } else {
        norm_rows(GRAFT_RMS_NORM, x, gamma, beta, epsilon, rows, columns, out, normalized, inverse_size);
    }
}

CONSTANT_ARGUMENTS void norm_rows_backward(const GraftNorm kind, const float *dy, const float *normalized,
                                           const float *inverse_size, const float *gamma, size_t rows, size_t columns,
                                           float *dx) {
    for (size_t i = 0; i < rows; i++, dy += columns, normalized += columns, dx += columns) {
        Vector sums[SUM_VECTORS] = {0}, products[SUM_VECTORS] = {0};
        for (size_t j = 0; j < columns; j += PARTIAL_SUMS) {
#pragma clang loop unroll(full)
            for (size_t v = 0; v < SUM_VECTORS; v++) {
                const size_t at = j + v * LANES, lanes = lanes_from(at, columns);
                const Vector g = load_first(gamma + at, lanes) * load_first(dy + at, lanes);
                if (kind == GRAFT_LAYER_NORM) {
                    sums[v] += g;
                }
                products[v] = multiply_add(g, load_first(normalized + at, lanes), products[v]);
            }
        }
        const Vector mean = kind == GRAFT_LAYER_NORM ? splat(total(sums) / (float)columns) : splat(0);
        const Vector projection = splat(-(total(products) / (float)columns));

        for (size_t at = 0; at < columns; at += LANES) {
            const size_t lanes = lanes_from(at, columns);
            const Vector g = load_first(gamma + at, lanes) * load_first(dy + at, lanes);
            const Vector left = multiply_add(load_first(normalized + at, lanes), projection, g - mean);
            store_first(dx + at, left * splat(inverse_size[i]), lanes);
        }
    }
}

static void norm_backward(GraftNorm kind, const float *dy, const float *normalized, const float *inverse_size,
                          const float *gamma, size_t rows, size_t columns, float *dx) {
    if (kind == GRAFT_LAYER_NORM) {
        norm_rows_backward(GRAFT_LAYER_NORM, dy, normalized, inverse_size, gamma, rows, columns, dx);
    } else {
        norm_rows_backward(GRAFT_RMS_NORM, dy, normalized, inverse_size, gamma, rows, columns, dx);
    }
}

// MARK: Rotary positions

/// (x, y) ↦ (x · cos − y · sin, y · cos + x · sin), or with the opposite sines.
static void rotate(float *x, ptrdiff_t stride, size_t rows, size_t heads, size_t width, const float *turns, bool inverse) {
    const size_t half = width / 2;
    const Vector sign = splat(inverse ? -1 : 1);
    for (size_t i = 0; i < rows; i++, x += stride, turns += width) {
        for (size_t j = 0; j < half; j += LANES) {
            const size_t lanes = lanes_from(j, half);
            const Vector cosines = load_first(turns + j, lanes), sines = load_first(turns + half + j, lanes) * sign;
            for (size_t head = 0; head < heads; head++) {
                float *first = x + head * width + j, *second = first + half;
                const Vector left = load_first(first, lanes), right = load_first(second, lanes);
                store_first(first, multiply_add(left, cosines, -(right * sines)), lanes);
                store_first(second, multiply_add(right, cosines, left * sines), lanes);
            }
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

static void scale_columns(const float *x, ptrdiff_t row_stride, const float *factors, size_t rows, size_t columns,
                          float *out) {
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j += LANES) {
            const size_t lanes = lanes_from(j, columns);
            store_first(out + j, load_first(x + j, lanes) * load_first(factors + j, lanes), lanes);
        }
        x += row_stride;
        out += columns;
    }
}

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
