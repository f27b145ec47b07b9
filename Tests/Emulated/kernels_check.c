/// Checks every table of kernels that the processor can run against the reference, and prints, for each, a fingerprint of
/// all its results. `run.sh` runs this natively and under an emulator of another processor, and compares: the products
/// have the same bits everywhere, but for those in bfloat16 where a table says that it makes no chain of them; the other
/// functions on every path but the reference.
///
/// Inputs end where an unreadable page begins, so that a read behind them stops the program.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "CKernels.h"

// MARK: Memory that ends at an unreadable page

typedef struct {
    char *pages;
    size_t bytes;
    size_t used;
} Arena;

enum { ARENAS = 9 };

static Arena arenas[ARENAS];

static void open_arenas(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < ARENAS; i++) {
        arenas[i].bytes = ((size_t)1 << 19) / page * page;
        char *pages = mmap(NULL, arenas[i].bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED || mprotect(pages + arenas[i].bytes, page, PROT_NONE) != 0) {
            perror("kernels_check: no memory that ends at an unreadable page");
            exit(2);
        }
        arenas[i].pages = pages;
    }
}

/// `count` floats, whose last one is the last before the unreadable page.
static float *floats(size_t arena, size_t count) {
    if (count * sizeof(float) > arenas[arena].bytes) {
        fprintf(stderr, "kernels_check: %zu floats do not fit an arena\n", count);
        exit(2);
    }
    return (float *)(void *)(arenas[arena].pages + arenas[arena].bytes) - count;
}

// MARK: Seeded numbers

static uint64_t state;

static uint32_t next_word(void) {
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static size_t next_below(size_t bound) {
    return next_word() % bound;
}

/// Evenly between −width and width.
static float *fill(float *numbers, size_t count, float width) {
    for (size_t i = 0; i < count; i++) {
        numbers[i] = ((float)(next_word() >> 8) / 8388608.0f - 1.0f) * width;
    }
    return numbers;
}

// MARK: What was found

typedef struct {
    const char *function;
    double largest, allowed;
} Difference;

static const GraftKernels *tested, *reference;
static size_t checks, failures;
static uint64_t fingerprint;
static Difference differences[32];
static size_t difference_count;

static void fail(const char *function, const char *what) {
    failures++;
    if (failures <= 20) {
        printf("FAILED %s %s: %s\n", tested->name, function, what);
    }
}

static void mark(const float *numbers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, numbers + i, sizeof bits);
        fingerprint = (fingerprint ^ bits) * 0x100000001b3u;
    }
}

static void same_bits(const char *function, const float *found, const float *expected, size_t count) {
    checks++;
    if (memcmp(found, expected, count * sizeof(float)) != 0) {
        fail(function, "other bits than the reference, or a number written outside");
    }
    mark(found, count);
}

/// |found − expected| ≤ allowed · (1 + |expected|)
static void compare(const char *function, const float *found, const float *expected, size_t count, double allowed) {
    Difference *difference = NULL;
    for (size_t i = 0; i < difference_count; i++) {
        if (strcmp(differences[i].function, function) == 0) {
            difference = &differences[i];
        }
    }
    if (difference == NULL) {
        if (difference_count == sizeof differences / sizeof differences[0]) {
            fprintf(stderr, "kernels_check: more functions than places for their differences\n");
            exit(2);
        }
        difference = &differences[difference_count++];
        *difference = (Difference){function, 0, allowed};
    }
    checks++;
    bool close = true;
    for (size_t i = 0; i < count; i++) {
        double distance = fabs((double)found[i] - expected[i]) / (1 + fabs((double)expected[i]));
        close = close && distance <= allowed;
        if (!(distance <= difference->largest)) {
            difference->largest = distance;
        }
    }
    if (!close) {
        fail(function, "too far from the reference");
    }
}

static void close_to(const char *function, const float *found, const float *expected, size_t count, double allowed) {
    compare(function, found, expected, count, allowed);
    mark(found, count);
}

/// For what may have other bits than on the other paths: what is expected goes into the fingerprint.
static void close_to_apart_from_marks(const char *function, const float *found, const float *expected, size_t count,
                                      double allowed) {
    compare(function, found, expected, count, allowed);
    mark(expected, count);
}

// MARK: Checks

static const float guard = 123456.0f;

static void check_product(size_t rows, size_t columns, size_t depth) {
    bool transposed = next_below(2) == 1, has_bias = next_below(2) == 1, accumulate = next_below(2) == 1;
    float scale = next_below(2) == 1 ? 1.0f : 0.37f;
    size_t a_gap = next_below(3), b_gap = 1 + next_below(3), out_gap = next_below(4);
    size_t a_stride = (transposed ? rows : depth) + a_gap;
    size_t a_lines = transposed ? depth : rows;
    // Up to the last element of the last line and no further.
    size_t a_count = a_lines == 0 ? 0 : a_stride * (a_lines - 1) + (transposed ? rows : depth);
    size_t b_count = depth == 0 ? 0 : (columns + b_gap) * (depth - 1) + columns;
    size_t out_count = rows * (columns + out_gap) + 32;

    const float *a = fill(floats(0, a_count), a_count, 1), *b = fill(floats(1, b_count), b_count, 1);
    const float *bias = fill(floats(2, columns), columns, 1);
    float *start = floats(3, out_count), *expected = floats(4, out_count), *found = floats(5, out_count);
    fill(start, out_count, 1);
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = columns; j < columns + out_gap; j++) {
            start[i * (columns + out_gap) + j] = guard;
        }
    }

    GraftProduct product = {
        .rows = rows,
        .columns = columns,
        .depth = depth,
        .a = a,
        .a_row_stride = transposed ? 1 : (ptrdiff_t)a_stride,
        .a_depth_stride = transposed ? (ptrdiff_t)a_stride : 1,
        .b = b,
        .b_depth_stride = (ptrdiff_t)(columns + b_gap),
        .out_row_stride = (ptrdiff_t)(columns + out_gap),
        .bias = has_bias ? bias : NULL,
        .scale = scale,
        .accumulate = accumulate,
    };
    memcpy(expected, start, out_count * sizeof(float));
    product.out = expected;
    reference->product(&product);

    memcpy(found, start, out_count * sizeof(float));
    product.out = found;
    tested->product(&product);
    same_bits("product, direct", found, expected, out_count);

    size_t packed_count = tested->packed_count(GRAFT_FLOAT32, depth, columns);
    float *packed = floats(6, packed_count + 16);
    for (size_t i = 0; i < packed_count + 16; i++) {
        packed[i] = guard;
    }
    tested->pack(GRAFT_FLOAT32, b, product.b_depth_stride, 1, depth, columns, packed);
    checks++;
    for (size_t i = packed_count; i < packed_count + 16; i++) {
        if (packed[i] != guard) {
            fail("pack", "a number written behind the packed matrix");
        }
    }
    memcpy(found, start, out_count * sizeof(float));
    float *tight = floats(7, packed_count);
    memcpy(tight, packed, packed_count * sizeof(float));
    product.b = tight;
    product.b_depth_stride = 0;
    tested->product(&product);
    same_bits("product, packed", found, expected, out_count);
}

static void check_products(void) {
    static const size_t depths[] = {0, 1, 2, 5, 16, 33};
    for (size_t rows = 0; rows <= 15; rows++) {
        for (size_t columns = 0; columns <= 70; columns++) {
            for (size_t d = 0; d < sizeof depths / sizeof depths[0]; d++) {
                check_product(rows, columns, depths[d]);
            }
        }
    }
    for (size_t i = 0; i < 60; i++) {
        check_product(next_below(200), next_below(150), next_below(130));
    }
}

/// Words as floats: `same_bits` compares and marks bits.
static void check_rounding(size_t rows, size_t columns) {
    size_t stride = columns + next_below(3), count = rows == 0 ? 0 : stride * (rows - 1) + columns;
    float *x = fill(floats(0, count), count, 3);
    for (size_t i = 0; i < count; i += 7) {
        // Any bits at all, so also infinities, subnormal numbers and what is not a number.
        uint32_t bits = next_word();
        memcpy(x + i, &bits, sizeof bits);
    }
    size_t width = (columns + 1) / 2, words = rows * width;
    float *expected = floats(1, words), *found = floats(2, words);
    reference->round_rows(x, (ptrdiff_t)stride, rows, columns, expected, (ptrdiff_t)width);
    tested->round_rows(x, (ptrdiff_t)stride, rows, columns, found, (ptrdiff_t)width);
    same_bits("round rows", found, expected, words);
    words = (rows + 1) / 2 * columns;
    expected = floats(1, words);
    found = floats(2, words);
    reference->round_row_pairs(x, (ptrdiff_t)stride, rows, columns, expected, (ptrdiff_t)columns);
    tested->round_row_pairs(x, (ptrdiff_t)stride, rows, columns, found, (ptrdiff_t)columns);
    same_bits("round row pairs", found, expected, words);

    fill(x, count, next_below(2) == 1 ? 3 : 1e-20f);
    if (count > 0 && next_below(4) == 1) {
        x[columns / 2] = next_below(2) == 1 ? INFINITY : 0;
    }
    width = (columns + 3) / 4;
    words = rows * width;
    expected = floats(1, words);
    found = floats(2, words);
    GraftRowScale *expected_scales = (GraftRowScale *)(void *)floats(3, 2 * rows);
    GraftRowScale *found_scales = (GraftRowScale *)(void *)floats(4, 2 * rows);
    reference->quantize_rows(x, (ptrdiff_t)stride, rows, columns, expected, (ptrdiff_t)width, expected_scales);
    tested->quantize_rows(x, (ptrdiff_t)stride, rows, columns, found, (ptrdiff_t)width, found_scales);
    same_bits("quantize rows", found, expected, words);
    for (size_t i = 0; i < rows; i++) {
        // All that is not a number is equal here.
        if (isnan(expected_scales[i].scale) && isnan(found_scales[i].scale)) {
            expected_scales[i].scale = found_scales[i].scale = -1;
        }
    }
    same_bits("quantize rows, scales", (float *)(void *)found_scales, (float *)(void *)expected_scales, 2 * rows);
}

/// bfloat16 or int8. `depth` in elements.
static void check_word_product(GraftFormat format, size_t rows, size_t columns, size_t depth) {
    const bool is_int8 = format == GRAFT_INT8;
    const size_t words = is_int8 ? (depth + 3) / 4 : (depth + 1) / 2, out_stride = columns + next_below(3);
    const size_t out_count = rows * out_stride;
    const bool transposed = next_below(2) == 1, has_bias = next_below(2) == 1;
    float *x = fill(floats(0, rows * depth), rows * depth, 2), *b = fill(floats(1, columns * depth), columns * depth, 1);
    float *a = floats(2, rows * words), *bias = fill(floats(3, columns), columns, 1);
    GraftRowScale *scales = (GraftRowScale *)(void *)floats(4, 2 * rows);
    if (is_int8) {
        reference->quantize_rows(x, (ptrdiff_t)depth, rows, depth, a, (ptrdiff_t)words, scales);
    } else {
        reference->round_rows(x, (ptrdiff_t)depth, rows, depth, a, (ptrdiff_t)words);
    }
    GraftProduct product = {
        .format = format,
        .rows = rows,
        .columns = columns,
        .depth = words,
        .a = a,
        .a_row_stride = (ptrdiff_t)words,
        .a_depth_stride = 1,
        .out_row_stride = (ptrdiff_t)out_stride,
        .bias = has_bias ? bias : NULL,
        .a_scales = is_int8 ? scales : NULL,
        .scale = next_below(2) == 1 ? 1.0f : 0.37f,
        .accumulate = next_below(2) == 1,
    };
    const ptrdiff_t depth_stride = transposed ? 1 : (ptrdiff_t)columns;
    const ptrdiff_t column_stride = transposed ? (ptrdiff_t)depth : 1;
    float *start = fill(floats(5, out_count), out_count, 1);
    float *expected = memcpy(floats(6, out_count), start, out_count * sizeof(float));

    size_t packed_count = reference->packed_count(format, depth, columns);
    float *packed = floats(7, packed_count);
    reference->pack(format, b, depth_stride, column_stride, depth, columns, packed);
    product.b = packed;
    product.out = expected;
    reference->product(&product);

    packed_count = tested->packed_count(format, depth, columns);
    packed = floats(7, packed_count);
    tested->pack(format, b, depth_stride, column_stride, depth, columns, packed);
    product.b = packed;
    product.out = start;
    float *direct = memcpy(floats(0, out_count), start, out_count * sizeof(float));
    tested->product(&product);
    const char *name = is_int8 ? "product, int8" : "product, bfloat16";
    if (is_int8 || tested->chains_bfloat16) {
        same_bits(name, start, expected, out_count);
    } else {
        close_to_apart_from_marks(name, start, expected, out_count, 1e-5);
    }
    if (is_int8 || transposed) {
        return;
    }
    float *pairs = floats(7, words * columns);
    tested->round_row_pairs(b, (ptrdiff_t)columns, depth, columns, pairs, (ptrdiff_t)columns);
    product.b = pairs;
    // A stride of 0 would mean that it is packed.
    product.b_depth_stride = columns == 0 ? 1 : (ptrdiff_t)columns;
    product.out = direct;
    tested->product(&product);
    checks++;
    if (memcmp(direct, start, out_count * sizeof(float)) != 0) {
        fail(name, "direct, other bits than packed");
    }
}

static void check_words(void) {
    for (size_t columns = 0; columns <= 70; columns++) {
        for (size_t rows = 0; rows <= 6; rows++) {
            check_rounding(rows, columns);
        }
    }
    check_rounding(9, 1000);
    static const size_t depths[] = {0, 1, 2, 7, 33};
    for (size_t rows = 0; rows <= 13; rows++) {
        for (size_t columns = 0; columns <= 70; columns++) {
            for (size_t d = 0; d < sizeof depths / sizeof depths[0]; d++) {
                check_word_product(GRAFT_BFLOAT16, rows, columns, depths[d]);
                check_word_product(GRAFT_INT8, rows, columns, depths[d]);
            }
        }
    }
    for (size_t i = 0; i < 60; i++) {
        const size_t rows = next_below(100), columns = next_below(150), depth = next_below(700);
        check_word_product(GRAFT_BFLOAT16, rows, columns, depth);
        check_word_product(GRAFT_INT8, rows, columns, depth);
    }
}

static void check_activations(size_t count) {
    static const char *names[] = {"gelu", "gelu, tanh form", "relu", "silu"};
    static const char *slopes[] = {"gelu backward", "gelu backward, tanh form", "relu backward", "silu backward"};
    float *x = fill(floats(0, count), count, count % 3 == 0 ? 0.1f : count % 3 == 1 ? 4.0f : 15.0f);
    float *dy = fill(floats(1, count), count, 1);
    float *expected = floats(2, count), *found = floats(3, count);
    for (GraftActivation activation = GRAFT_GELU; activation <= GRAFT_SILU; activation++) {
        reference->activate(activation, x, expected, count);
        tested->activate(activation, x, found, count);
        close_to(names[activation], found, expected, count, 1e-6);
        reference->activate_backward(activation, x, dy, expected, count);
        memcpy(found, dy, count * sizeof(float));
        tested->activate_backward(activation, x, found, found, count);
        close_to(slopes[activation], found, expected, count, 1e-6);
    }
}

/// Both sides of the gate are halves of rows of `x`.
static void check_gates(size_t rows, size_t columns) {
    size_t count = rows * columns;
    float *x = fill(floats(0, 2 * count), 2 * count, 4), *dy = fill(floats(1, count), count, 1);
    float *expected = floats(2, 2 * count), *found = floats(3, 2 * count);
    for (GraftActivation activation = GRAFT_GELU; activation <= GRAFT_SILU; activation++) {
        reference->gate(activation, x, x + columns, 2 * (ptrdiff_t)columns, rows, columns, expected);
        tested->gate(activation, x, x + columns, 2 * (ptrdiff_t)columns, rows, columns, found);
        close_to("gates", found, expected, count, 2e-6);
        reference->gate_backward(activation, x, x + columns, 2 * (ptrdiff_t)columns, dy, rows, columns, expected,
                                 expected + columns);
        memcpy(found, x, 2 * count * sizeof(float));
        tested->gate_backward(activation, found, found + columns, 2 * (ptrdiff_t)columns, dy, rows, columns, found,
                              found + columns);
        close_to("gates backward", found, expected, 2 * count, 2e-6);
    }
}

static void check_norms(size_t rows, size_t columns) {
    static const char *names[] = {"layer norm", "RMS norm"};
    static const char *slopes[] = {"layer norm backward", "RMS norm backward"};
    size_t count = rows * columns;
    for (GraftNorm kind = GRAFT_LAYER_NORM; kind <= GRAFT_RMS_NORM; kind++) {
        float *x = fill(floats(0, count), count, 3), *gamma = fill(floats(1, columns), columns, 2);
        float *beta = next_below(2) == 1 ? fill(floats(2, columns), columns, 1) : NULL;
        float *expected = floats(3, 2 * count + rows), *found = floats(4, 2 * count + rows);
        reference->norm(kind, x, gamma, beta, 1e-5f, rows, columns, expected, expected + count, expected + 2 * count);
        tested->norm(kind, x, gamma, beta, 1e-5f, rows, columns, found, found + count, found + 2 * count);
        close_to(names[kind], found, expected, 2 * count + rows, 1e-6);
        float *in_place = memcpy(floats(5, count), x, count * sizeof(float));
        tested->norm(kind, in_place, gamma, beta, 1e-5f, rows, columns, in_place, NULL, NULL);
        checks++;
        if (memcmp(in_place, found, count * sizeof(float)) != 0) {
            fail(names[kind], "in place, another result");
        }

        const float *normalized = expected + count, *inverse = expected + 2 * count;
        float *dy = fill(floats(5, count), count, 1), *dx = floats(6, count), *other = floats(7, count);
        reference->norm_backward(kind, dy, normalized, inverse, gamma, rows, columns, dx);
        memcpy(other, dy, count * sizeof(float));
        tested->norm_backward(kind, other, normalized, inverse, gamma, rows, columns, other);
        close_to(slopes[kind], other, dx, count, 1e-6);
    }
}

static void check_rotation(size_t rows, size_t heads, size_t width) {
    size_t stride = heads * width + next_below(3), count = rows == 0 ? 0 : (rows - 1) * stride + heads * width;
    float *turns = fill(floats(0, rows * width), rows * width, 1);
    float *expected = fill(floats(1, count), count, 2), *found = memcpy(floats(2, count), expected, count * sizeof(float));
    bool inverse = next_below(2) == 1;
    reference->rotate(expected, (ptrdiff_t)stride, rows, heads, width, turns, inverse);
    tested->rotate(found, (ptrdiff_t)stride, rows, heads, width, turns, inverse);
    close_to("rotate", found, expected, count, 1e-6);
}

static void check_softmax(size_t rows, size_t columns) {
    size_t stride = columns + next_below(4), count = rows * stride;
    float scale = next_below(2) == 1 ? 0.125f : 1.0f;
    float *expected = fill(floats(0, count), count, next_below(2) == 1 ? 5.0f : 60.0f);
    float *found = memcpy(floats(1, count), expected, count * sizeof(float));
    reference->softmax(expected, (ptrdiff_t)stride, scale, rows, columns);
    tested->softmax(found, (ptrdiff_t)stride, scale, rows, columns);
    // Between the rows both must still hold what they held.
    close_to("softmax", found, expected, count, 1e-6);
}

static void check_dropout(size_t count) {
    float *x = fill(floats(0, count), count, 1), *expected = floats(1, count), *found = floats(2, count);
    uint64_t key = (uint64_t)next_word() << 32 | next_word();
    static const float rates[] = {0, 0.1f, 0.5f, 0.99f};
    // The last one runs over the end of the low 32 bits.
    const uint64_t firsts[] = {0, next_word(), ((uint64_t)1 << 32) - count / 2};
    for (size_t r = 0; r < 4; r++) {
        for (size_t f = 0; f < 3; f++) {
            reference->dropout(key, firsts[f], rates[r], x, expected, count);
            memcpy(found, x, count * sizeof(float));
            tested->dropout(key, firsts[f], rates[r], found, found, count);
            checks++;
            for (size_t i = 0; i < count; i++) {
                // Zeros may differ in sign.
                if (found[i] != expected[i]) {
                    fail("dropout", "another mask or scale than the reference");
                    break;
                }
            }
            mark(found, count);
        }
    }
}

static void check_sums(size_t count) {
    float *x = fill(floats(0, count), count, 1), *y = fill(floats(1, count), count, 1);
    float expected = reference->dot(x, y, count), found = tested->dot(x, y, count);
    close_to("dot", &found, &expected, 1, 1e-5);
    float *sum = floats(2, count), *other = floats(3, count);
    reference->scale_columns(x, 0, y, 1, count, sum);
    tested->scale_columns(x, 0, y, 1, count, other);
    same_bits("scale_columns", other, sum, count);
    memcpy(sum, y, count * sizeof(float));
    memcpy(other, y, count * sizeof(float));
    reference->add(0.3f, x, sum, count);
    tested->add(0.3f, x, other, count);
    same_bits("add", other, sum, count);
}

/// The fingerprint of what has the same bits only where products in bfloat16 are chains.
static uint64_t chained_fingerprint;

/// Context and gradients of `call`, in the arena of which each is one after the other; the statistics are not compared.
static void attend(const GraftKernels *kernels, GraftAttention call, GraftAttentionGradients gradients, float *results,
                   size_t score_count) {
    size_t count = call.length * (size_t)call.context_stride;
    size_t scratch_count = kernels->attention_scratch(call.format, call.length, call.width, call.reach);
    call.statistics = floats(5, 2 * call.heads * call.length);
    call.scratch = floats(6, scratch_count);
    for (size_t i = 0; i < scratch_count; i++) {
        call.scratch[i] = NAN;
    }
    call.context = results;
    gradients.query = results + count;
    gradients.key = results + 2 * count;
    gradients.value = results + 3 * count;
    gradients.scores = score_count > 0 ? results + 4 * count : NULL;
    for (size_t i = 0; i < 4 * count + score_count; i++) {
        results[i] = guard;
    }
    kernels->attention(&call);
    kernels->attention_backward(&call, &gradients);
}

/// What is added to scores; the gradient of a bias of each place is computed too.
typedef enum { NO_BIAS, BIAS_OF_DISTANCES, BIAS_OF_PLACES } Bias;

static void check_attention(GraftFormat format, size_t length, size_t heads, size_t width, float rate, Bias kind,
                            size_t reach) {
    size_t stride = heads * width + next_below(3), count = length == 0 ? 0 : (length - 1) * stride + heads * width;
    size_t distances = length == 0 ? 0 : 2 * length - 1, line = (length + 15) / 16 * 16;
    size_t biases = kind == NO_BIAS ? 0 : kind == BIAS_OF_DISTANCES ? distances : length * line;
    const float *bias = fill(floats(8, heads * biases), heads * biases, 2);
    GraftAttention call = {
        .format = format,
        .length = length,
        .heads = heads,
        .width = width,
        .query = fill(floats(0, count), count, 2),
        .key = fill(floats(1, count), count, 2),
        .value = fill(floats(2, count), count, 1),
        .query_stride = (ptrdiff_t)stride,
        .key_stride = (ptrdiff_t)stride,
        .value_stride = (ptrdiff_t)stride,
        .scale = 0.3f,
        .reach = reach,
        .bias = kind == NO_BIAS ? NULL : kind == BIAS_OF_DISTANCES ? bias + distances / 2 : bias,
        .bias_head_stride = (ptrdiff_t)biases,
        .bias_row_stride = kind == BIAS_OF_DISTANCES ? -1 : (ptrdiff_t)line,
        .dropout_rate = rate,
        .dropout_stream = next_word(),
        .dropout_key = (uint64_t)next_word() << 32 | next_word(),
        .context_stride = (ptrdiff_t)stride,
    };
    GraftAttentionGradients gradients = {
        .context = fill(floats(3, count), count, 1),
        .context_stride = (ptrdiff_t)stride,
        .query_stride = (ptrdiff_t)stride,
        .key_stride = (ptrdiff_t)stride,
        .value_stride = (ptrdiff_t)stride,
        .scores_head_stride = (ptrdiff_t)(length * line),
        .scores_row_stride = (ptrdiff_t)line,
    };
    size_t score_count = kind == BIAS_OF_PLACES ? heads * length * line : 0;
    size_t result_count = 4 * length * stride + score_count;
    float *expected = floats(4, result_count), *found = floats(7, result_count);
    attend(reference, call, gradients, expected, score_count);
    attend(tested, call, gradients, found, score_count);
    for (size_t i = 0; i < score_count; i++) {
        if (i % line >= length) {
            expected[4 * length * stride + i] = found[4 * length * stride + i] = 0;
        }
    }
    if (format == GRAFT_FLOAT32) {
        close_to("attention", found, expected, result_count, 4e-6);
    } else {
        // A number that lies between two of bfloat16 may be rounded up here and down there.
        uint64_t others = fingerprint;
        fingerprint = chained_fingerprint;
        close_to("attention, bfloat16", found, expected, result_count, 5e-3);
        chained_fingerprint = fingerprint;
        fingerprint = others;
    }
}

static void check_attentions(void) {
    for (size_t length = 0; length <= 70; length++) {
        size_t heads = 1 + next_below(3), width = next_below(4) == 1 ? 1 + next_below(40) : 8u << next_below(4);
        for (GraftFormat format = GRAFT_FLOAT32; format <= GRAFT_BFLOAT16; format++) {
            check_attention(format, length, heads, width, 0, NO_BIAS, length);
            check_attention(format, length, heads, width, 0.2f, NO_BIAS, SIZE_MAX);
            check_attention(format, length, heads, width, 0, BIAS_OF_DISTANCES, next_below(40));
            check_attention(format, length, heads, width, 0.2f, NO_BIAS, next_below(40));
            check_attention(format, length, heads, width, length % 2 == 0 ? 0 : 0.2f, BIAS_OF_PLACES, length);
        }
    }
    for (GraftFormat format = GRAFT_FLOAT32; format <= GRAFT_BFLOAT16; format++) {
        check_attention(format, 255, 1, 32, 0.1f, NO_BIAS, 255);
        check_attention(format, 255, 1, 32, 0.1f, BIAS_OF_DISTANCES, 255);
        check_attention(format, 191, 2, 16, 0.1f, BIAS_OF_PLACES, 191);
        check_attention(format, 345, 2, 16, 0.1f, BIAS_OF_DISTANCES, 64);
        check_attention(format, 345, 2, 16, 0, NO_BIAS, 9);
    }
}

static void check_rows(void) {
    for (size_t count = 0; count <= 140; count++) {
        check_activations(count);
        check_gates(next_below(4), count);
        check_rotation(next_below(3), 1 + next_below(3), 2 * count);
        check_dropout(count);
        check_sums(count);
    }
    check_activations(100000);
    check_dropout(10007);
    check_sums(100003);
    for (size_t columns = 1; columns <= 140; columns++) {
        check_norms(1 + next_below(3), columns);
        check_softmax(1 + next_below(3), columns);
    }
    check_norms(3, 384);
    check_norms(3, 1536);
    check_norms(0, 5);
    check_softmax(3, 512);
    check_softmax(0, 5);
    check_softmax(2, 0);
}

int main(void) {
    open_arenas();
    reference = graft_kernels_at(0);
    for (size_t i = 1; i < graft_kernels_count(); i++) {
        tested = graft_kernels_at(i);
        state = 2024;
        checks = failures = difference_count = 0;
        fingerprint = chained_fingerprint = 0xcbf29ce484222325u;
        check_products();
        check_words();
        check_rows();
        check_attentions();
        printf("%s: %zu checks, %zu failed\n", tested->name, checks, failures);
        for (size_t d = 0; d < difference_count; d++) {
            printf("  %-32s largest difference %.2e, allowed %.0e\n", differences[d].function, differences[d].largest,
                   differences[d].allowed);
        }
        printf("fingerprint %016llx\n", (unsigned long long)fingerprint);
        if (tested->chains_bfloat16) {
            printf("chained %016llx\n", (unsigned long long)chained_fingerprint);
        }
        if (failures > 0) {
            return 1;
        }
    }
    if (graft_kernels_count() < 2) {
        printf("no table but the reference\n");
        return 1;
    }
    return 0;
}
