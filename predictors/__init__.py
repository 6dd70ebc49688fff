"""Accuracy of a masked network from its structure alone: features, models, intervals.

>>> row = features(module, masks, input_shape)                    # doctest: +SKIP
>>> Predictor().fit(rows, accuracies).predict([row])              # doctest: +SKIP
[Prediction(accuracy=0.93, lower=0.91, upper=0.95, in_domain=True)]
"""

from predictors.errors import PredictorError
from predictors.features import FEATURE_VERSION, GROUPS, feature_names, features
from predictors.models import MODELS
from predictors.predictor import Prediction, Predictor
from predictors.structure import multiply_adds
from predictors.targets import SCALES

__all__ = [
    "FEATURE_VERSION",
    "GROUPS",
    "MODELS",
    "SCALES",
    "Prediction",
    "Predictor",
    "PredictorError",
    "feature_names",
    "features",
    "multiply_adds",
]
