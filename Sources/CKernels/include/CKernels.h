/// Micro-kernels: the arithmetic that costs time, once per instruction set, behind one table of functions.
///
/// No function here allocates, starts a thread or keeps state. All numbers are float32 and row-major. Every function has
/// a plain twin in `reference.c`, which is the truth that the others are tested against.
///
/// Reproducibility contract: an element of a product's output is one chain of fused multiply-adds over `depth` in
/// ascending order, sum = fma(a(i, k), b(k, j), sum) from sum = 0, and then fma(scale, sum, addend), where the addend is
/// out[i, j] if accumulating, else 0, plus bias[j], if any. It depends on its own row of `a` and its own column of `b`
/// alone, never on tile sizes, on packing, on how rows or columns are shared among threads, or on other rows of the
/// call, and it is bit for bit the same on every path. The other functions too give the same bits on every path but the
/// reference, which goes through double; what they may differ from it by is in docs/kernels.md.
///
/// Counts, rows, columns and depth may be zero. Unless a function says otherwise, what it writes overlaps nothing that
/// it reads. Nothing need be aligned, and nothing outside the named elements is read or written.
#ifndef GRAFT_CKERNELS_H
#define GRAFT_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// out[i, j] = (accumulate ? out[i, j] : 0) + scale · Σ_k a(i, k) · b(k, j) + bias[j]
typedef struct {
    size_t rows, columns, depth;
    /// a(i, k) = a[i · a_row_stride + k · a_depth_stride]: either stride may be 1, so `a` may be read transposed.
    const float *a;
    ptrdiff_t a_row_stride, a_depth_stride;
    /// Packed by `pack` of the same table if `b_depth_stride` is 0, else b(k, j) = b[k · b_depth_stride + j].
    const float *b;
    ptrdiff_t b_depth_stride;
    float *out;
    ptrdiff_t out_row_stride;
    /// `columns` numbers, or NULL.
    const float *_Nullable bias;
    float scale;
    bool accumulate;
} GraftProduct;

/// One instruction set's functions.
typedef struct {
    /// "reference", "avx2", "avx512" or "neon": what `GRAFT_KERNELS` takes.
    const char *name;

    /// Columns of a packed panel. Column `j` of a packed matrix, if `j` is a multiple of this, starts at
    /// `packed + j · depth`, so that a product may be shared among threads by columns.
    size_t panel_width;
    /// Number of floats that a packed matrix of `depth` × `columns` takes.
    size_t (*packed_count)(size_t depth, size_t columns);
    /// Packs b(k, j) = b[k · depth_stride + j · column_stride] for `product`.
    void (*pack)(const float *b, ptrdiff_t depth_stride, ptrdiff_t column_stride, size_t depth, size_t columns,
                 float *packed);
    void (*product)(const GraftProduct *product);

    /// out[i] = gelu(x[i]), the exact form x · Φ(x) by erf, or the tanh approximation of BERT's first code.
    /// `out` may be `x`.
    void (*gelu)(const float *x, float *out, size_t count, bool tanh_form);
    /// dx[i] = dy[i] · gelu′(x[i]). `dx` may be `dy`.
    void (*gelu_backward)(const float *x, const float *dy, float *dx, size_t count, bool tanh_form);

    /// Layer norm over each row: normalized = (x − mean) / √(variance + epsilon), out = normalized · gamma + beta.
    /// `normalized` [rows, columns] and `inverse_deviation` [rows] are kept for the backward; either may be NULL.
    /// `out` may be `x`.
    void (*layer_norm)(const float *x, const float *gamma, const float *beta, float epsilon, size_t rows,
                       size_t columns, float *out, float *_Nullable normalized, float *_Nullable inverse_deviation);
    /// dx = (g − mean(g) − normalized · mean(g · normalized)) · inverse_deviation, g = gamma · dy. `dx` may be `dy`.
    void (*layer_norm_backward)(const float *dy, const float *normalized, const float *inverse_deviation,
                                const float *gamma, size_t rows, size_t columns, float *dx);

    /// Each row i becomes softmax(scale · row), in place; rows lie `stride` floats apart. Short rows are done up to twice as
    /// fast if `stride` is a multiple of 16, so that no row begins where the vector at the end of another still reaches.
    void (*softmax)(float *x, ptrdiff_t stride, float scale, size_t rows, size_t columns);
    /// dS = scale · P ⊙ (dP − rowsum(dP ⊙ P)), written over `dp`; rows of both lie `stride` floats apart.
    void (*softmax_backward)(const float *p, float *dp, ptrdiff_t stride, float scale, size_t rows, size_t columns);

    /// out[i] = x[i] / (1 − rate) where element `first + i` of the stream `key` is kept, else 0. `out` may be `x`.
    /// The mask is a function of (key, first + i) alone and the same on every path, so it is recomputed, never stored.
    /// `rate` must be in [0, 1); at 0 this copies.
    void (*dropout)(uint64_t key, uint64_t first, float rate, const float *x, float *out, size_t count);

    /// y[i] += scale · x[i]
    void (*add)(float scale, const float *x, float *y, size_t count);
    /// Σ x[i] · y[i], by a fixed number of partial sums in a fixed order.
    float (*dot)(const float *x, const float *y, size_t count);
} GraftKernels;

/// The table in use, chosen once: the one that `GRAFT_KERNELS` names, else the fastest this processor has. NULL if
/// `GRAFT_KERNELS` names a table that does not exist or that this processor cannot run.
const GraftKernels *_Nullable graft_kernels(void);

/// The number of tables that this processor can run; `graft_kernels_at(0)` is the reference, the last is the fastest.
size_t graft_kernels_count(void);
/// `index` is less than the count.
const GraftKernels *graft_kernels_at(size_t index);

/// A flag of the calling thread: whether it is inside a parallel loop, so that an inner loop stays serial.
bool graft_is_inside_parallel_loop(void);
void graft_set_inside_parallel_loop(bool inside);

/// The team of threads that this thread leads, an address that this module does not read; null if it leads none.
void *_Nullable graft_led_team(void);
void graft_set_led_team(void *_Nullable team);

/// Tells the processor that this thread is waiting for another one in a loop.
static inline void graft_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

#pragma clang assume_nonnull end

#endif
