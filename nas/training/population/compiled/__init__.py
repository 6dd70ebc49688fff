"""The population's step as one compiled program, for float32 on a CPU; where no C compiler is, ../cells does the same.

`run` is what the training loop calls, `build` compiles `kernel.c` once and keeps it in the user's cache folder.
"""

from nas.training.population.compiled.run import answers, fits, gradient, lent

__all__ = ["answers", "fits", "gradient", "lent"]
