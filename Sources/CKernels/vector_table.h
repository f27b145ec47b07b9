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
    .activate = activate,
    .activate_backward = activate_backward,
    .gate = gate,
    .gate_backward = gate_backward,
    .norm = norm,
    .norm_backward = norm_backward,
    .rotate = rotate,
    .softmax = softmax,
    .attention_scratch = attention_scratch,
    .attention = attention,
    .attention_backward = attention_backward,
    .dropout = dropout,
    .scale_columns = scale_columns,
    .add = add,
    .dot = dot,
};
