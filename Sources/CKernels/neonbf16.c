/// NEON's dot products of bfloat16 and of unsigned with signed bytes (FEAT_BF16, FEAT_I8MM) on top of NEON.
#if defined(__aarch64__)

#include "tables.h"

#pragma clang attribute push(__attribute__((target("bf16,i8mm,dotprod"))), apply_to = function)

#include "neon_vectors.h"

// Adds both products of a lane before it rounds, to odd, so its bits are not those of a chain.
#define MULTIPLIES_PAIRS
static inline Vector multiply_pairs(Vector x, Vector y, Vector sums) {
    return vbfdotq_f32(sums, vreinterpretq_bf16_f32(x), vreinterpretq_bf16_f32(y));
}

#define MULTIPLIES_QUADS
static inline Vector multiply_quads(Vector x, Vector y, Vector sums) {
    return vreinterpretq_f32_s32(
        vusdotq_s32(vreinterpretq_s32_f32(sums), vreinterpretq_u8_f32(x), vreinterpretq_s8_f32(y)));
}

#define BASE graft_neon_kernels
#include "vector_product.h"
#include "vector_pack.h"
#include "vector_ceiling.h"
#include "vector_attention.h"

GraftKernels graft_neonbf16_kernels(void) {
    GraftKernels table = BASE;
    table.name = "neonbf16";
    table.computes_bfloat16 = true;
    table.computes_int8 = true;
    table.chains_bfloat16 = false;
    table.product = product;
    table.pack = pack;
    table.round_rows = round_rows;
    table.round_row_pairs = round_row_pairs;
    table.quantize_rows = quantize_rows;
    table.ceiling = ceiling;
    table.attention_scratch = attention_scratch;
    table.attention = attention;
    table.attention_backward = attention_backward;
    return table;
}

#pragma clang attribute pop

#endif
