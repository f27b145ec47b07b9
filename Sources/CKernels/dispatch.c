/// Which tables this processor can run, and which one is in use.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"

static const GraftKernels *available[4];
static size_t available_count;
static const GraftKernels *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void) {
    // From the plainest to the fastest.
    available[available_count++] = &graft_reference_kernels;
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2) {
        available[available_count++] = &graft_avx2_kernels;
    }
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
        available[available_count++] = &graft_avx512_kernels;
    }
#elif defined(__aarch64__)
    available[available_count++] = &graft_neon_kernels;
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
