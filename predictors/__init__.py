"""Accuracy of a masked network from its structure alone: features, models, intervals.

>>> row = features(module, masks, input_shape)                    # doctest: +SKIP
>>> Predictor().fit(rows, accuracies).predict([row])              # doctest: +SKIP
[Prediction(accuracy=0.93, lower=0.91, upper=0.95, in_domain=True)]
"""

from predictors.errors import PredictorError
from predictors.features import FEATURE_VERSION, GROUPS, feature_names, features
from predictors.features.graphs import GRAPH_GROUPS, graph_feature_names, graph_features, graphs_features
from predictors.graphs import Graph
from predictors.models import MODELS
from predictors.predictor import Prediction, Predictor
from predictors.structure import multiply_adds
from predictors.targets import SCALES

__all__ = [
    "FEATURE_VERSION",
    "GRAPH_GROUPS",
    "GROUPS",
    "MODELS",
    "SCALES",
    "Graph",
    "Prediction",
    "Predictor",
    "PredictorError",
    "feature_names",
    "features",
    "graph_feature_names",
    "graph_features",
    "graphs_features",
    "multiply_adds",
]
