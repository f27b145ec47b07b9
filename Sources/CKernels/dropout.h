/// The dropout mask: one hash of (key, index), which every path computes alike.
///
/// The low 32 bits of the index go through two rounds of xor-shift and multiply, with 32 bits of the key added before
/// each; a round is cheap in every instruction set with 32-bit products. Constants: C. Wellons and contributors, "Hash
/// Function Prospector" (two-round 32-bit hashes searched for low bias). The key words come from the key and the high 32
/// bits of the index by the finalizer of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014).
#ifndef GRAFT_DROPOUT_H
#define GRAFT_DROPOUT_H

#include <stddef.h>
#include <stdint.h>

#define GRAFT_DROPOUT_MULTIPLIER_1 0x21f0aaadu
#define GRAFT_DROPOUT_MULTIPLIER_2 0xd35a2d97u

typedef struct {
    uint32_t first, second;
} GraftDropoutKeyWords;

/// The key words of the 2³² elements whose index has these high bits.
static inline GraftDropoutKeyWords graft_dropout_key_words(uint64_t key, uint32_t index_high) {
    uint64_t z = key + 0x9e3779b97f4a7c15u * ((uint64_t)index_high + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (GraftDropoutKeyWords){(uint32_t)z, (uint32_t)(z >> 32)};
}

/// An element is kept if its hash is not below this.
static inline uint32_t graft_dropout_threshold(float rate) {
    return (uint32_t)((double)rate * 4294967296.0);
}

static inline float graft_dropout_scale(float rate) {
    return 1.0f / (1.0f - rate);
}

/// The hash of the element whose index has these low bits. Its high bits are the well mixed ones, and the threshold is
/// compared with them first, so a last xor-shift into the low bits is left out.
static inline uint32_t graft_dropout_hash(GraftDropoutKeyWords words, uint32_t index_low) {
    uint32_t h = index_low + words.first;
    h = (h ^ (h >> 16)) * GRAFT_DROPOUT_MULTIPLIER_1 + words.second;
    return (h ^ (h >> 15)) * GRAFT_DROPOUT_MULTIPLIER_2;
}

/// The number of elements from `index` on, at most `count`, whose index has the same high bits.
static inline size_t graft_dropout_run(uint64_t index, size_t count) {
    uint64_t left = 0x100000000u - (index & 0xffffffffu);
    return left < count ? (size_t)left : count;
}

#endif
