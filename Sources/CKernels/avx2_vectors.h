/// AVX2's vectors: 16 registers of 8 floats, and their tiles.
#include <immintrin.h>

#define LANES 8
typedef __m256 Vector;

static inline Vector load(const float *from) {
    return _mm256_loadu_ps(from);
}

static inline __m256i first_lanes(size_t count) {
    // Eight words from the middle of this, so that the first `count` are ones.
    static const int32_t words[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    return _mm256_loadu_si256((const __m256i_u *)(words + LANES - count));
}

static inline Vector load_partial(const float *from, size_t count) {
    return _mm256_maskload_ps(from, first_lanes(count));
}

static inline void store(float *to, Vector value) {
    _mm256_storeu_ps(to, value);
}

static inline void store_partial(float *to, Vector value, size_t count) {
    _mm256_maskstore_ps(to, first_lanes(count), value);
}

static inline Vector splat(float value) {
    return _mm256_set1_ps(value);
}

static inline Vector multiply_add(Vector x, Vector y, Vector addend) {
    return _mm256_fmadd_ps(x, y, addend);
}

/// Both products of two 16-bit integers a lane.
static inline Vector multiply_halves(Vector x, Vector y, Vector sums) {
    const __m256i products = _mm256_madd_epi16(_mm256_castps_si256(x), _mm256_castps_si256(y));
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(sums), products));
}

static inline Vector minimum(Vector x, Vector y) {
    return _mm256_min_ps(x, y);
}

static inline Vector maximum(Vector x, Vector y) {
    return _mm256_max_ps(x, y);
}

#define PANEL_VECTORS 2
#define TILE_ROWS_1 12
#define TILE_ROWS_2 6
