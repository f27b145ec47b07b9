/// The table of one instruction set. A file of an instruction set includes this last, after it has defined `TABLE` and
/// `TABLE_NAME`.
#include "CKernels.h"

const GraftKernels TABLE = {
    .name = TABLE_NAME,
    .chains_bfloat16 = true,
    .panel_width = PANEL_WIDTH,
    .packed_count = packed_count,
    .pack = pack,
    .product = product,
    .round_rows = round_rows,
    .round_row_pairs = round_row_pairs,
    .quantize_rows = quantize_rows,
    .ceiling = ceiling,
    .gelu = gelu,
    .gelu_backward = gelu_backward,
    .layer_norm = layer_norm,
    .layer_norm_backward = layer_norm_backward,
    .softmax = softmax,
    .softmax_backward = softmax_backward,
    .attention_scratch = attention_scratch,
    .attention = attention,
    .attention_backward = attention_backward,
    .dropout = dropout,
    .scale_columns = scale_columns,
    .add = add,
    .dot = dot,
};
