/// What the multiply-adds of one instruction set can do at most: a loop over registers alone, with as many sums as the widest
/// tile has. Include after `vector_product.h`.
#include "vector_words.h"

CONSTANT_ARGUMENTS double run_ceiling(const GraftFormat format, size_t iterations) {
    enum { SUMS = PANEL_VECTORS * TILE_ROWS(PANEL_VECTORS) };
    // Read through volatile, so that nothing is computed beforehand. Small enough that no sum overflows.
    volatile uint32_t a_word = 0x3c013c01, b_word = 0x3b023b02;
    Vector a = part_of_a(format, splat_word(a_word), 0);
    const Vector b = part_of_b(format, splat_word(b_word), 0);
    Vector sums[SUMS];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < SUMS; i++) {
        sums[i] = (Vector)splat_word((uint32_t)i);
    }
#pragma clang loop unroll(disable)
    for (size_t n = iterations; n > 0; n--) {
#pragma clang loop unroll(full)
        for (size_t part = 0; part < parts_of(format); part++) {
#pragma clang loop unroll(full)
            for (size_t i = 0; i < SUMS; i++) {
                a = unforeseen(a);
                sums[i] = multiply_part(format, a, b, sums[i]);
            }
        }
    }
    Words all = splat_word(0);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < SUMS; i++) {
        all ^= (Words)sums[i];
    }
    volatile uint32_t kept = all[0];
    (void)kept;
    const double elements = format == GRAFT_INT8 ? 4 : format == GRAFT_BFLOAT16 ? 2 : 1;
    return 2 * elements * LANES * SUMS * (double)iterations;
}

static double ceiling(GraftFormat format, size_t iterations) {
    switch (format) {
#if !defined(BASE)
    case GRAFT_FLOAT32:
        return run_ceiling(GRAFT_FLOAT32, iterations);
#endif
#if !defined(BASE) || defined(MULTIPLIES_PAIRS)
    case GRAFT_BFLOAT16:
        return run_ceiling(GRAFT_BFLOAT16, iterations);
#endif
#if !defined(BASE) || defined(MULTIPLIES_QUADS)
    case GRAFT_INT8:
        return run_ceiling(GRAFT_INT8, iterations);
#endif
#if defined(BASE)
    default:
        return BASE.ceiling(format, iterations);
#endif
    }
}
