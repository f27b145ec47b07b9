/// AVX2 and FMA: 16 registers of 8 floats.
#if defined(__x86_64__)

#include "tables.h"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "avx2_vectors.h"
#include "vector_product.h"
#include "vector_pack.h"
#include "vector_ceiling.h"
#include "vector_activations.h"
#include "vector_rows.h"
#include "vector_attention.h"

#define TABLE graft_avx2_kernels
#define TABLE_NAME "avx2"
#include "vector_table.h"

#pragma clang attribute pop

#endif
