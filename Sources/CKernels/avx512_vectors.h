/// AVX-512's vectors: 32 registers of 16 floats, masks for what is left of a vector, and their tiles.
#include <immintrin.h>

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

/// Both products of two 16-bit integers a lane.
static inline Vector multiply_halves(Vector x, Vector y, Vector sums) {
    const __m512i products = _mm512_madd_epi16(_mm512_castps_si512(x), _mm512_castps_si512(y));
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(sums), products));
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
