/// The tables of every instruction set that this build knows: what `dispatch.c` chooses from.
#ifndef GRAFT_TABLES_H
#define GRAFT_TABLES_H

#include "CKernels.h"

extern const GraftKernels graft_reference_kernels;
#if defined(__x86_64__)
extern const GraftKernels graft_avx2_kernels;
extern const GraftKernels graft_avx512_kernels;
/// The tables of processors that have an extension besides: the others' but for what the extension does faster.
GraftKernels graft_avx2vnni_kernels(void);
GraftKernels graft_avx512vnni_kernels(void);
#elif defined(__aarch64__)
extern const GraftKernels graft_neon_kernels;
GraftKernels graft_neondot_kernels(void);
GraftKernels graft_neonbf16_kernels(void);
#endif

#endif
