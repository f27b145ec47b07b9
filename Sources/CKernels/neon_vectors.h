/// NEON's vectors: 32 registers of 4 floats, and their tiles.
#include <arm_neon.h>

#define LANES 4
typedef float32x4_t Vector;

static inline Vector load(const float *from) {
    return vld1q_f32(from);
}

static inline Vector load_partial(const float *from, size_t count) {
    Vector value = vdupq_n_f32(0);
    switch (count) {
    case 4:
        value = vld1q_f32(from);
        break;
    case 3:
        value = vld1q_lane_f32(from + 2, vcombine_f32(vld1_f32(from), vdup_n_f32(0)), 2);
        break;
    case 2:
        value = vcombine_f32(vld1_f32(from), vdup_n_f32(0));
        break;
    case 1:
        value = vld1q_lane_f32(from, value, 0);
        break;
    default:
        break;
    }
    return value;
}

static inline void store(float *to, Vector value) {
    vst1q_f32(to, value);
}

static inline void store_partial(float *to, Vector value, size_t count) {
    switch (count) {
    case 4:
        vst1q_f32(to, value);
        break;
    case 3:
        vst1_f32(to, vget_low_f32(value));
        vst1q_lane_f32(to + 2, value, 2);
        break;
    case 2:
        vst1_f32(to, vget_low_f32(value));
        break;
    case 1:
        vst1q_lane_f32(to, value, 0);
        break;
    default:
        break;
    }
}

static inline Vector splat(float value) {
    return vdupq_n_f32(value);
}

static inline Vector multiply_add(Vector x, Vector y, Vector addend) {
    return vfmaq_f32(addend, x, y);
}

/// Both products of two 16-bit integers a lane.
static inline Vector multiply_halves(Vector x, Vector y, Vector sums) {
    const int16x8_t a = vreinterpretq_s16_f32(x), b = vreinterpretq_s16_f32(y);
    const int32x4_t low = vmull_s16(vget_low_s16(a), vget_low_s16(b)), high = vmull_high_s16(a, b);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(sums), vpaddq_s32(low, high)));
}

static inline Vector minimum(Vector x, Vector y) {
    return vminq_f32(x, y);
}

static inline Vector maximum(Vector x, Vector y) {
    return vmaxq_f32(x, y);
}

#define PANEL_VECTORS 4
#define TILE_ROWS_1 12
#define TILE_ROWS_2 12
#define TILE_ROWS_3 8
#define TILE_ROWS_4 6
