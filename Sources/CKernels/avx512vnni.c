/// AVX-512 BF16 and VNNI on top of AVX-512: products of pairs of bfloat16 and of bytes by instructions of their own.
#if defined(__x86_64__)

#include "tables.h"

#pragma clang attribute push(                                                                                  \
    __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512bf16,avx512vnni,avx2,fma"))), apply_to = function)

#include "avx512_vectors.h"

#define MULTIPLIES_PAIRS
static inline Vector multiply_pairs(Vector x, Vector y, Vector sums) {
    return _mm512_dpbf16_ps(sums, (__m512bh)x, (__m512bh)y);
}

#define MULTIPLIES_QUADS
static inline Vector multiply_quads(Vector x, Vector y, Vector sums) {
    return _mm512_castsi512_ps(_mm512_dpbusd_epi32(_mm512_castps_si512(sums), _mm512_castps_si512(x),
                                                   _mm512_castps_si512(y)));
}

#define ROUNDS_PAIRS
typedef uint16_t ShortWords __attribute__((vector_size(2 * LANES)));
static inline ShortWords round_lanes(Vector value) {
    return (ShortWords)_mm512_cvtneps_pbh(value);
}

#define PAIRS_VECTORS
typedef uint32_t Words __attribute__((vector_size(4 * LANES)));

static inline Words pair_columns(Vector left, Vector right) {
    return (Words)_mm512_cvtne2ps_pbh(right, left);
}

static inline Words pair_rows(Vector upper, Vector lower) {
    const __m512i pairs = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5,
                                           20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return (Words)_mm512_permutexvar_epi16(pairs, (__m512i)_mm512_cvtne2ps_pbh(lower, upper));
}

#define BASE graft_avx512_kernels
#include "vector_product.h"
#include "vector_pack.h"
#include "vector_ceiling.h"
#include "vector_attention.h"

GraftKernels graft_avx512vnni_kernels(void) {
    GraftKernels table = BASE;
    table.name = "avx512vnni";
    table.computes_bfloat16 = true;
    table.computes_int8 = true;
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
