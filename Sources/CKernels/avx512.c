/// AVX-512 (F, VL, BW, DQ): 32 registers of 16 floats, and masks for what is left of a vector.
#if defined(__x86_64__)

#include <immintrin.h>

#include "tables.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), apply_to = function)

#define LANES 16
typedef __m512 Vector;

static inline Vector load(const float *from) {
    return _mm512_loadu_ps(from);
}

static inline __mmask16 first_lanes(size_t count) {
    return (__mmask16)((1u << count) - 1);
}

static inline Vector load_partial(const float *from, size_t count) {
    return _mm512_maskz_loadu_ps(first_lanes(count), from);
}

static inline void store(float *to, Vector value) {
    _mm512_storeu_ps(to, value);
}

static inline void store_partial(float *to, Vector value, size_t count) {
    _mm512_mask_storeu_ps(to, first_lanes(count), value);
}

static inline Vector splat(float value) {
    return _mm512_set1_ps(value);
}

static inline Vector multiply_add(Vector x, Vector y, Vector addend) {
    return _mm512_fmadd_ps(x, y, addend);
}

static inline Vector minimum(Vector x, Vector y) {
    return _mm512_min_ps(x, y);
}

static inline Vector maximum(Vector x, Vector y) {
    return _mm512_max_ps(x, y);
}

#define PANEL_VECTORS 4
#define TILE_ROWS_1 12
#define TILE_ROWS_2 12
#define TILE_ROWS_3 8
#define TILE_ROWS_4 6
#include "vector_product.h"
#include "vector_rows.h"
#include "vector_attention.h"

#define TABLE graft_avx512_kernels
#define TABLE_NAME "avx512"
#include "vector_table.h"

#pragma clang attribute pop

#endif
