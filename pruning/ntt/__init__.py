"""Neural Tangent Transfer: masks and weights from unlabelled data, by nearness to a dense network's tangent kernel."""

from pruning.ntt.closed import closed_kernel
from pruning.ntt.distance import Distance, distance
from pruning.ntt.kernels import jacobian_kernel, kernel_product
from pruning.ntt.transfer import Moment, Transfer, TransferSettings, masked, neural_tangent_transfer

__all__ = [
    "Distance",
    "Moment",
    "Transfer",
    "TransferSettings",
    "closed_kernel",
    "distance",
    "jacobian_kernel",
    "kernel_product",
    "masked",
    "neural_tangent_transfer",
]
