/// The reference's attention, for its table.
#ifndef GRAFT_REFERENCE_ATTENTION_H
#define GRAFT_REFERENCE_ATTENTION_H

#include "CKernels.h"

size_t graft_reference_attention_scratch(GraftFormat format, size_t length, size_t width, size_t reach);
void graft_reference_attention(const GraftAttention *attention);
void graft_reference_attention_backward(const GraftAttention *attention, const GraftAttentionGradients *gradients);

#endif
