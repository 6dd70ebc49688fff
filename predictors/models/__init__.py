"""Models from features to accuracy. One file, one function and one line in MODELS for each."""

from predictors.models.ada_boost import ada_boost
from predictors.models.bayesian_ridge import bayesian_ridge
from predictors.models.block_gaussian_process import block_gaussian_process
from predictors.models.experts import experts
from predictors.models.extra_trees import extra_trees
from predictors.models.gaussian_process import gaussian_process
from predictors.models.hurdle import hurdle
from predictors.models.mean import mean
from predictors.models.mixture import mixture
from predictors.models.model import Maker, Model
from predictors.models.monotone import monotone
from predictors.models.monotone_trees import monotone_trees
from predictors.models.nearest import nearest
from predictors.models.random_forest import random_forest
from predictors.models.size_only import size_only
from predictors.models.stack import stack
from predictors.models.xgboost import xgboost
from predictors.models.xgboost_tuned import xgboost_tuned

MODELS: dict[str, Maker] = {
    "xgboost": xgboost,
    "xgboost_tuned": xgboost_tuned,
    "random_forest": random_forest,
    "extra_trees": extra_trees,
    "ada_boost": ada_boost,
    "bayesian_ridge": bayesian_ridge,
    "gaussian_process": gaussian_process,
    "experts": experts,
    "monotone": monotone,
    "monotone_trees": monotone_trees,
    "hurdle": hurdle,
    "block_gaussian_process": block_gaussian_process,
    "mixture": mixture,
    "stack": stack,
    "nearest": nearest,
    "size_only": size_only,
    "mean": mean,
}

__all__ = ["MODELS", "Maker", "Model"]
