"""Which functions treat each unit alone, so that units beside it can go without a trace."""

_NAMES = """
relu relu_ relu6 leaky_relu leaky_relu_ elu elu_ celu selu gelu silu mish hardswish hardtanh hardtanh_ hardsigmoid
sigmoid logsigmoid tanh softplus softsign tanhshrink softshrink hardshrink threshold exp abs neg square sqrt clamp clip
clone contiguous detach to float double half bfloat16 type_as identity
dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout
max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d interpolate mean sum amax
adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
"""

UNITWISE = frozenset(_NAMES.split())
"""Names of torch functions; batch norm has parameters and is handled by itself, all others bind units together."""
