"""Models from features to accuracy. One file, one function and one line in MODELS for each."""

from predictors.models.experts import experts
from predictors.models.gaussian_process import gaussian_process
from predictors.models.mean import mean
from predictors.models.model import Maker, Model
from predictors.models.monotone import monotone
from predictors.models.random_forest import random_forest
from predictors.models.size_only import size_only
from predictors.models.xgboost import xgboost

MODELS: dict[str, Maker] = {
    "xgboost": xgboost,
    "random_forest": random_forest,
    "gaussian_process": gaussian_process,
    "experts": experts,
    "monotone": monotone,
    "size_only": size_only,
    "mean": mean,
}

__all__ = ["MODELS", "Maker", "Model"]
