"""How good a predictor is, and how one knows: protocols, intervals, ceilings, leaks and ablations."""

from predictors.evaluation.ablation import group_ablation, permutation_importance, single_columns
from predictors.evaluation.ceiling import noise_ceiling
from predictors.evaluation.evaluate import Evaluation, beyond, by_group, evaluate, judged
from predictors.evaluation.leakage import leaks
from predictors.evaluation.protocols import (
    Split,
    learning_splits,
    leave_one_group_out,
    repeated_folds,
    unseen_class_splits,
)
from predictors.evaluation.uncertainty import Interval, bootstrap, over_draws, over_rows, paired_difference

__all__ = [
    "Evaluation",
    "Interval",
    "Split",
    "beyond",
    "bootstrap",
    "by_group",
    "evaluate",
    "group_ablation",
    "judged",
    "leaks",
    "learning_splits",
    "leave_one_group_out",
    "noise_ceiling",
    "over_draws",
    "over_rows",
    "paired_difference",
    "permutation_importance",
    "repeated_folds",
    "single_columns",
    "unseen_class_splits",
]
