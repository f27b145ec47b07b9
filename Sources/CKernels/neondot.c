/// NEON's dot product of bytes (FEAT_DotProd) on top of NEON.
#if defined(__aarch64__)

#include "tables.h"

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

#include "neon_vectors.h"

// The instruction takes both sides signed.
#define MULTIPLIES_QUADS
#define QUAD_OFFSET 128
static inline Vector multiply_quads(Vector x, Vector y, Vector sums) {
    return vreinterpretq_f32_s32(
        vdotq_s32(vreinterpretq_s32_f32(sums), vreinterpretq_s8_f32(x), vreinterpretq_s8_f32(y)));
}

#define BASE graft_neon_kernels
#include "vector_product.h"
#include "vector_ceiling.h"

GraftKernels graft_neondot_kernels(void) {
    GraftKernels table = BASE;
    table.name = "neondot";
    table.computes_int8 = true;
    table.product = product;
    table.ceiling = ceiling;
    return table;
}

#pragma clang attribute pop

#endif
