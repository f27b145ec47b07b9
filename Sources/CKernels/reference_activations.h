/// The reference's activations and gates, for its table.
#ifndef GRAFT_REFERENCE_ACTIVATIONS_H
#define GRAFT_REFERENCE_ACTIVATIONS_H

#include "CKernels.h"

void graft_reference_activate(GraftActivation activation, const float *x, float *out, size_t count);
void graft_reference_activate_backward(GraftActivation activation, const float *x, const float *dy, float *dx, size_t count);
void graft_reference_gate(GraftActivation activation, const float *a, const float *b, ptrdiff_t stride, size_t rows,
                          size_t columns, float *out);
void graft_reference_gate_backward(GraftActivation activation, const float *a, const float *b, ptrdiff_t stride,
                                   const float *dy, size_t rows, size_t columns, float *da, float *db);

#endif
