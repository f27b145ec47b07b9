/// The multiply-add of a word of `a` with a row of words of `b`, in each format. An instruction set that has an instruction
/// for a format defines
///
/// - `MULTIPLIES_PAIRS` and multiply_pairs(a, b, sums): two bfloat16 a lane, the second product first,
/// - `MULTIPLIES_QUADS` and multiply_quads(a, b, sums): four bytes a lane, those of `a` unsigned, of `b` signed. If its
///   instruction takes both signed, it also defines `QUAD_OFFSET` as 128: then the bytes of `a` come less that.
///
/// One without takes such words in two parts: pairs, widened, by multiply_add; quads, widened to two 16-bit integers a lane,
/// by multiply_halves(a, b, sums), which adds both products to the lane.
#ifndef GRAFT_VECTOR_WORDS_H
#define GRAFT_VECTOR_WORDS_H

#include "vector_lanes.h"

typedef uint16_t UnsignedHalves __attribute__((vector_size(4 * LANES)));

enum {
#if defined(MULTIPLIES_PAIRS)
    PAIR_PARTS = 1,
#else
    PAIR_PARTS = 2,
#endif
#if defined(MULTIPLIES_QUADS)
    QUAD_PARTS = 1,
#else
    QUAD_PARTS = 2,
#endif
};

#if !defined(QUAD_OFFSET)
#define QUAD_OFFSET 0
#endif

#define CONSTANT_ARGUMENTS static inline __attribute__((always_inline))

/// Tells the compiler that a vector may have changed, so that nothing computed of it is moved across.
CONSTANT_ARGUMENTS Vector unforeseen(Vector vector) {
#if defined(__x86_64__)
    __asm__ volatile("" : "+v"(vector));
#else
    __asm__ volatile("" : "+w"(vector));
#endif
    return vector;
}

CONSTANT_ARGUMENTS size_t parts_of(const GraftFormat format) {
    return format == GRAFT_BFLOAT16 ? PAIR_PARTS : format == GRAFT_INT8 ? QUAD_PARTS : 1;
}

/// The second of a pair comes first.
CONSTANT_ARGUMENTS Words pair_part(Words words, const size_t part) {
    return part == 0 ? words & 0xffff0000 : words << 16;
}

CONSTANT_ARGUMENTS Vector part_of_a(const GraftFormat format, Words words, const size_t part) {
    if (format == GRAFT_BFLOAT16 && PAIR_PARTS == 2) {
        return (Vector)pair_part(words, part);
    }
    if (format == GRAFT_INT8 && QUAD_PARTS == 2) {
        // Shifts of halves: one of words would be taken before the word is spread, among the whole numbers.
        const UnsignedHalves halves = (UnsignedHalves)words;
        return (Vector)((part == 0 ? halves << 8 : halves) >> 8);
    }
    if (format == GRAFT_INT8 && QUAD_OFFSET != 0) {
        return (Vector)(words ^ 0x80808080);
    }
    return (Vector)words;
}

CONSTANT_ARGUMENTS Vector part_of_b(const GraftFormat format, Words words, const size_t part) {
    if (format == GRAFT_BFLOAT16 && PAIR_PARTS == 2) {
        return (Vector)pair_part(words, part);
    }
    if (format == GRAFT_INT8 && QUAD_PARTS == 2) {
        return (Vector)((Halves)(part == 0 ? (Words)((UnsignedHalves)words << 8) : words) >> 8);
    }
    return (Vector)words;
}

CONSTANT_ARGUMENTS Vector multiply_part(const GraftFormat format, Vector a, Vector b, Vector sums) {
    switch (format) {
    case GRAFT_BFLOAT16:
#if defined(MULTIPLIES_PAIRS)
        return multiply_pairs(a, b, sums);
#else
        return multiply_add(a, b, sums);
#endif
    case GRAFT_INT8:
#if defined(MULTIPLIES_QUADS)
        return multiply_quads(a, b, sums);
#else
        return multiply_halves(a, b, sums);
#endif
    case GRAFT_FLOAT32:
        return multiply_add(a, b, sums);
    }
}

#endif
