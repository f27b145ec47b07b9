/// Which tables this processor can run, and which one is in use.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#include "tables.h"

static const GraftKernels *available[8];
/// Tables of extensions, made of others' at the first choice.
static GraftKernels extended[2];
static size_t available_count;
static const GraftKernels *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#if defined(__aarch64__)
/// Whether the processor has a feature, by its bits in what Linux tells, or its name in what macOS does.
typedef struct {
    unsigned long capabilities, more_capabilities;
    const char *name;
} Feature;

// HWCAP_ASIMDDP, HWCAP2_I8MM and HWCAP2_BF16, which older headers lack.
static const Feature dot_product = {1ul << 20, 0, "hw.optional.arm.FEAT_DotProd"};
static const Feature integer_matrices = {0, 1ul << 13, "hw.optional.arm.FEAT_I8MM"};
static const Feature bfloat16_products = {0, 1ul << 14, "hw.optional.arm.FEAT_BF16"};

static bool has(Feature feature) {
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & feature.capabilities) == feature.capabilities &&
           (getauxval(AT_HWCAP2) & feature.more_capabilities) == feature.more_capabilities;
#elif defined(__APPLE__)
    int value = 0;
    size_t size = sizeof value;
    return sysctlbyname(feature.name, &value, &size, NULL, 0) == 0 && value != 0;
#else
    return false;
#endif
}
#endif

static void choose(void) {
    // From the plainest to the fastest.
    available[available_count++] = &graft_reference_kernels;
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2) {
        available[available_count++] = &graft_avx2_kernels;
        if (__builtin_cpu_supports("avxvnni")) {
            extended[0] = graft_avx2vnni_kernels();
            available[available_count++] = &extended[0];
        }
    }
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
        available[available_count++] = &graft_avx512_kernels;
        if (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni")) {
            extended[1] = graft_avx512vnni_kernels();
            available[available_count++] = &extended[1];
        }
    }
#elif defined(__aarch64__)
    available[available_count++] = &graft_neon_kernels;
    if (has(dot_product)) {
        extended[0] = graft_neondot_kernels();
        available[available_count++] = &extended[0];
        if (has(integer_matrices) && has(bfloat16_products)) {
            extended[1] = graft_neonbf16_kernels();
            available[available_count++] = &extended[1];
        }
    }
#endif

    const char *name = getenv("GRAFT_KERNELS");
    if (name == NULL || name[0] == '\0') {
        chosen = available[available_count - 1];
        return;
    }
    for (size_t i = 0; i < available_count; i++) {
        if (strcmp(available[i]->name, name) == 0) {
            chosen = available[i];
        }
    }
}

const GraftKernels *graft_kernels(void) {
    pthread_once(&once, choose);
    return chosen;
}

size_t graft_kernels_count(void) {
    pthread_once(&once, choose);
    return available_count;
}

const GraftKernels *graft_kernels_at(size_t index) {
    pthread_once(&once, choose);
    return index < available_count ? available[index] : NULL;
}

static _Thread_local bool inside_parallel_loop;

bool graft_is_inside_parallel_loop(void) {
    return inside_parallel_loop;
}

void graft_set_inside_parallel_loop(bool inside) {
    inside_parallel_loop = inside;
}

static _Thread_local void *led_team;

void *graft_led_team(void) {
    return led_team;
}

void graft_set_led_team(void *team) {
    led_team = team;
}
