/// AVX-512 (F, VL, BW, DQ): 32 registers of 16 floats, and masks for what is left of a vector.
#if defined(__x86_64__)

#include "tables.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)

#include "avx512_vectors.h"
#include "vector_product.h"
#include "vector_pack.h"
#include "vector_ceiling.h"
#include "vector_activations.h"
#include "vector_rows.h"
#include "vector_attention.h"

#define TABLE graft_avx512_kernels
#define TABLE_NAME "avx512"
#include "vector_table.h"

#pragma clang attribute pop

#endif
