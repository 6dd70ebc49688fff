"""Networks of equal shapes trained as one tensor program: any architecture, each with its own mask, seed and batches.

Recurrent graph networks have a program of their own (../population), which also takes different widths.
"""

from nas.training.stacked.stack import kind, stackable
from nas.training.stacked.train import train_stacked

__all__ = ["kind", "stackable", "train_stacked"]
