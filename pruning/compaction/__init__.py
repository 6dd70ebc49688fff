"""Real smaller networks: dead units taken out of a masked network, constants folded, outputs the same.

compact(module, masks, input_shape) -> Compaction     a module of smaller layers, in eval mode
shrink_(module, plan), Plan.from_json                 the same cut again, from a description
sparse_where_faster(module, masks, inputs)            linear layers as CSR where a timing says they win
"""

from pruning.compaction.compact import TOLERANCE, Compaction, LayerWidth, compact
from pruning.compaction.csr import CSRLinear, LayerTiming, sparse_where_faster
from pruning.compaction.plan import LayerCut, Plan
from pruning.compaction.shrink import shrink_
from pruning.compaction.storage import csr_bytes, dense_bytes, zipped_bytes
from pruning.compaction.timing import interleaved

__all__ = [
    "TOLERANCE",
    "CSRLinear",
    "Compaction",
    "LayerCut",
    "LayerTiming",
    "LayerWidth",
    "Plan",
    "compact",
    "csr_bytes",
    "dense_bytes",
    "interleaved",
    "shrink_",
    "sparse_where_faster",
    "zipped_bytes",
]
