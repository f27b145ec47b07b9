/// Micro-kernels: the arithmetic that costs time, once per instruction set, behind one table of functions.
///
/// No function here allocates, starts a thread or keeps state. All matrices are row-major, and their numbers float32, but
/// for the factors of products, which may be rounded. Every function has a plain twin in `reference.c`, which is the truth
/// that the others are tested against.
///
/// Words. The factors of a product are read in words of 32 bits, each of which holds neighbours along the depth: one
/// float32, two bfloat16 (the first in the low half) or four 8-bit integers (the first in the lowest byte). Sums have 32
/// bits a column, so all formats share one shape: a word of `a` meets a row of words of `b`, a column a lane.
///
/// Reproducibility contract: an element of a product's output depends on its own row of `a` and its own column of `b`
/// alone, never on tile sizes, on packing, on how rows or columns are shared among threads, or on other rows of the call.
///
/// - float32: one chain of fused multiply-adds over the depth in ascending order, sum = fma(a(i, k), b(k, j), sum) from
///   sum = 0, and then fma(scale, sum, addend), where the addend is out[i, j] if accumulating, else 0, plus bias[j], if any.
///   Bit for bit the same on every path.
/// - bfloat16: the same chain over the words, a word's second product first, as `vdpbf16ps` does: sum = fma(a(i, 2k + 1),
///   b(2k + 1, j), sum), then sum = fma(a(i, 2k), b(2k, j), sum). The same bits on every path whose `chains_bfloat16`
///   says so, but for sums below 2⁻¹²⁶, which `vdpbf16ps` takes for 0.
/// - int8: the sum of whole numbers is exact; then fma(scale · a_scale, float(sum) · b_scale, addend). Bit for bit the same
///   on every path.
///
/// Rounding and quantizing give the same bits on every path. The other functions give the same bits on every path but the
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

/// How the factors of a product are held.
typedef enum { GRAFT_FLOAT32, GRAFT_BFLOAT16, GRAFT_INT8 } GraftFormat;

/// What a quantized row of `a` means: a(i, k) = scale · (byte − zero), a byte from 0 to 255.
typedef struct {
    float scale;
    int32_t zero;
} GraftRowScale;

/// out[i, j] = (accumulate ? out[i, j] : 0) + scale · Σ_k a(i, k) · b(k, j) + bias[j]
typedef struct {
    GraftFormat format;
    /// `depth` and the strides of `a` and `b` count words. Where the last word is not full, the rest of it is zero.
    size_t rows, columns, depth;
    /// The word (i, k) is a[i · a_row_stride + k · a_depth_stride]: either stride may be 1, so `a` may be read transposed.
    const void *a;
    ptrdiff_t a_row_stride, a_depth_stride;
    /// Packed by `pack` of the same table if `b_depth_stride` is 0, else the word (k, j) is b[k · b_depth_stride + j].
    /// In int8 always packed.
    const void *b;
    ptrdiff_t b_depth_stride;
    float *out;
    ptrdiff_t out_row_stride;
    /// `columns` numbers, or NULL.
    const float *_Nullable bias;
    /// `rows` scales in int8; not read otherwise.
    const GraftRowScale *_Nullable a_scales;
    float scale;
    bool accumulate;
} GraftProduct;

/// Attention of one text: for each head, with Q, K and V [length, width],
///
///     S = scale · Q Kᵀ + bias
///     P = softmax(S), row by row, over the keys within reach
///     P̃ = dropout(P)
///     context = P̃ V
typedef struct {
    /// What the factors of products are rounded to, Q, K, V, P̃ and the gradients of context and scores: GRAFT_FLOAT32 or
    /// GRAFT_BFLOAT16. Whatever the format, all inputs and results, sums and P itself are float32.
    GraftFormat format;
    /// Of the text, and heads of this call: some or all of the text's. A head's bits depend on the head alone.
    size_t length, heads, width;
    /// Head h's element (i, c) is at i · stride + h · width + c.
    const float *query, *key, *value;
    ptrdiff_t query_stride, key_stride, value_stride;
    /// More than 0.
    float scale;
    /// Token i attends to the tokens j with |i − j| ≤ reach; `length` or more: to all. What is out of reach costs nothing but
    /// at the edges of blocks of 64.
    size_t reach;
    /// Added to scores: head h's element (i, j) is at h · bias_head_stride + i · bias_row_stride + j. With a row stride of −1
    /// it depends on j − i alone, and `bias` is the address of distance 0. NULL: none.
    const float *_Nullable bias;
    ptrdiff_t bias_head_stride, bias_row_stride;
    /// In [0, 1). Element (i, j) of head h is dropped as `dropout` drops element (dropout_stream + h) · 2³² + i · length + j
    /// of the stream `dropout_key`; at rate 0 the other two are not read.
    float dropout_rate;
    uint32_t dropout_stream;
    uint64_t dropout_key;
    /// What the backward needs to compute P again: 2 · length numbers a head, which the forward writes if this is not NULL.
    float *_Nullable statistics;
    /// As many floats as `attention_scratch` says; its numbers mean nothing before or after.
    float *scratch;
    /// [length, heads · width], written by the forward.
    float *_Nullable context;
    ptrdiff_t context_stride;
} GraftAttention;

/// The gradients of one call. A gradient that is NULL is not wanted; the others lie like what they are gradients of.
typedef struct {
    const float *context;
    ptrdiff_t context_stride;
    float *_Nullable query, *_Nullable key, *_Nullable value;
    ptrdiff_t query_stride, key_stride, value_stride;
    /// Of the scores, and so of the bias: head h's element (i, j) is at h · scores_head_stride + i · scores_row_stride + j.
    /// Rows are whole lines of 16 numbers, and what lies behind a row's end in its last line means nothing. May be the bias;
    /// wanted only where all is within reach.
    float *_Nullable scores;
    ptrdiff_t scores_head_stride, scores_row_stride;
} GraftAttentionGradients;

/// An element-wise function, called act below.
typedef enum {
    /// x · Φ(x), by erf.
    GRAFT_GELU,
    /// The tanh approximation of BERT's first code.
    GRAFT_GELU_TANH,
    /// max(0, x)
    GRAFT_RELU,
    /// x / (1 + e^(−x)), also called swish.
    GRAFT_SILU,
} GraftActivation;

/// How a row is brought to one size.
typedef enum {
    /// (x − mean(x)) / √(variance(x) + epsilon)
    GRAFT_LAYER_NORM,
    /// x / √(mean(x²) + epsilon)
    GRAFT_RMS_NORM,
} GraftNorm;

/// One instruction set's functions.
typedef struct {
    /// What `GRAFT_KERNELS` takes: "reference", "avx2", …; docs/kernels.md has them all.
    const char *name;
    /// Whether the processor multiplies such numbers by an instruction of their own, so that they are faster than float32.
    bool computes_bfloat16, computes_int8;
    /// Whether products in bfloat16 are the chain that the contract above describes.
    bool chains_bfloat16;

    /// Columns of a packed panel. Column `j` of a packed matrix, if `j` is a multiple of this, starts at the word
    /// `packed_count(format, depth, j)`, so that a product may be shared among threads by columns.
    size_t panel_width;
    /// Number of words that a packed matrix of `depth` × `columns` elements takes.
    size_t (*packed_count)(GraftFormat format, size_t depth, size_t columns);
    /// Packs b(k, j) = b[k · depth_stride + j · column_stride] for `product`, `depth` in elements. bfloat16 is rounded to
    /// nearest, ties to even. int8 is symmetric for each column: −127 … 127 times the column's scale, its largest
    /// magnitude / 127; the packed matrix carries these scales. A column with a number that is not finite gives products
    /// that are not numbers. In int8 the depth is at most 66 000, so that no sum overflows.
    void (*pack)(GraftFormat format, const float *b, ptrdiff_t depth_stride, ptrdiff_t column_stride, size_t depth,
                 size_t columns, void *packed);
    void (*product)(const GraftProduct *product);

    /// float32 → bfloat16, to nearest, ties to even: words[i · words_stride + j / 2] holds the elements j and j + 1 of
    /// row i, the last word 0 where there is no j + 1. Subnormal numbers become 0, as the processors' own instruction does.
    void (*round_rows)(const float *x, ptrdiff_t row_stride, size_t rows, size_t columns, void *words,
                       ptrdiff_t words_stride);
    /// float32 → bfloat16 likewise, but words[i / 2 · words_stride + j] holds the elements (i, j) and (i + 1, j): what a
    /// transposed `a` or a direct `b` of a product is made of.
    void (*round_row_pairs)(const float *x, ptrdiff_t row_stride, size_t rows, size_t columns, void *words,
                            ptrdiff_t words_stride);
    /// float32 → bytes, four of a row to a word, the last one filled with 0. A row's range [min(x, 0), max(x, 0)] becomes
    /// 0 … 255 with a whole zero point, so that 0 is exact. A row whose range is below 2⁻¹¹⁸ becomes 0; one with a number
    /// that is not finite has a scale that is not a number.
    void (*quantize_rows)(const float *x, ptrdiff_t row_stride, size_t rows, size_t columns, void *words,
                          ptrdiff_t words_stride, GraftRowScale *scales);

    /// Runs multiply-adds of this format on registers alone, in a loop of so many rounds: what this path's instructions
    /// can do at most. Gives the number of multiplications and additions done; the caller times it.
    double (*ceiling)(GraftFormat format, size_t iterations);

    /// out[i] = act(x[i]). `out` may be `x`.
    void (*activate)(GraftActivation activation, const float *x, float *out, size_t count);
    /// dx[i] = dy[i] · act′(x[i]). `dx` may be `dy`.
    void (*activate_backward)(GraftActivation activation, const float *x, const float *dy, float *dx, size_t count);
    /// out = act(a) ⊙ b. Rows of `a` and `b` lie `stride` floats apart, those of out end to end.
    void (*gate)(GraftActivation activation, const float *a, const float *b, ptrdiff_t stride, size_t rows, size_t columns,
                 float *out);
    /// da = dy ⊙ b ⊙ act′(a), db = dy ⊙ act(a), whose rows lie like those of `a` and `b`. `da` may be `a`, `db` may be `b`.
    void (*gate_backward)(GraftActivation activation, const float *a, const float *b, ptrdiff_t stride, const float *dy,
                          size_t rows, size_t columns, float *da, float *db);

    /// The norm of each row: normalized as the kind says, out = normalized · gamma + beta; `beta` may be NULL.
    /// `normalized` [rows, columns] and `inverse_size` [rows], 1 / √(… + epsilon), are kept for the backward; either may be
    /// NULL. `out` may be `x`.
    void (*norm)(GraftNorm kind, const float *x, const float *gamma, const float *_Nullable beta, float epsilon, size_t rows,
                 size_t columns, float *out, float *_Nullable normalized, float *_Nullable inverse_size);
    /// dx = (g − mean(g) − normalized · mean(g · normalized)) · inverse_size, g = gamma · dy, without mean(g) in RMS norm.
    /// `dx` may be `dy`.
    void (*norm_backward)(GraftNorm kind, const float *dy, const float *normalized, const float *inverse_size,
                          const float *gamma, size_t rows, size_t columns, float *dx);

    /// Rotary positions, in place: row i consists of `heads` heads of `width` numbers, an even number, and of each head the
    /// pair (c, c + width / 2) is turned by the angle (i, c), or back if `inverse`. Row i of `turns` [rows, width] holds the
    /// cosines of its width / 2 angles and then the sines. Rows of x lie `stride` floats apart.
    void (*rotate)(float *x, ptrdiff_t stride, size_t rows, size_t heads, size_t width, const float *turns, bool inverse);

    /// Each row i becomes softmax(scale · row), in place; rows lie `stride` floats apart. Short rows are done up to twice as
    /// fast if `stride` is a multiple of 16, so that no row begins where the vector at the end of another still reaches.
    void (*softmax)(float *x, ptrdiff_t stride, float scale, size_t rows, size_t columns);

    /// The number of floats that `attention` and `attention_backward` need besides.
    size_t (*attention_scratch)(GraftFormat format, size_t length, size_t width, size_t reach);
    void (*attention)(const GraftAttention *attention);
    /// From the same Q, K, V and mask as the forward's, and its statistics.
    void (*attention_backward)(const GraftAttention *attention, const GraftAttentionGradients *gradients);

    /// out[i] = x[i] / (1 − rate) where element `first + i` of the stream `key` is kept, else 0. `out` may be `x`.
    /// The mask is a function of (key, first + i) alone and the same on every path, so it is recomputed, never stored.
    /// `rate` must be in [0, 1); at 0 this copies.
    void (*dropout)(uint64_t key, uint64_t first, float rate, const float *x, float *out, size_t count);

    /// out[i, j] = x[i, j] · factors[j]; rows of x lie `row_stride` floats apart, those of out end to end.
    void (*scale_columns)(const float *x, ptrdiff_t row_stride, const float *factors, size_t rows, size_t columns,
                          float *out);
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
