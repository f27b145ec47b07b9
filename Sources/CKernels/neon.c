/// NEON: any 64-bit ARM processor.
#if defined(__aarch64__)

#include "tables.h"

#include "neon_vectors.h"
#include "vector_product.h"
#include "vector_pack.h"
#include "vector_ceiling.h"
#include "vector_activations.h"
#include "vector_rows.h"
#include "vector_attention.h"

#define TABLE graft_neon_kernels
#define TABLE_NAME "neon"
#include "vector_table.h"

#endif
