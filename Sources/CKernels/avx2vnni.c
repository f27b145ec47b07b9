/// AVX-VNNI on top of AVX2: products of bytes by an instruction of their own.
#if defined(__x86_64__)

#include "tables.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,avxvnni"))), apply_to = function)

#include "avx2_vectors.h"

#define MULTIPLIES_QUADS
static inline Vector multiply_quads(Vector x, Vector y, Vector sums) {
    return _mm256_castsi256_ps(_mm256_dpbusd_avx_epi32(_mm256_castps_si256(sums), _mm256_castps_si256(x),
                                                       _mm256_castps_si256(y)));
}

#define BASE graft_avx2_kernels
#include "vector_product.h"
#include "vector_ceiling.h"

GraftKernels graft_avx2vnni_kernels(void) {
    GraftKernels table = BASE;
    table.name = "avx2vnni";
    table.computes_int8 = true;
    table.product = product;
    table.ceiling = ceiling;
    return table;
}

#pragma clang attribute pop

#endif
