"""From labelled data to a neural network that can be trusted; the public names load on first use."""

from importlib import import_module
from typing import TYPE_CHECKING

from percept.version import __version__

if TYPE_CHECKING:
    from percept import dense as dense
    from percept import models as models
    from percept import selection as selection
    from percept.estimators.classifier import MLPClassifier as MLPClassifier
    from percept.estimators.classifier_cv import MLPClassifierCV as MLPClassifierCV
    from percept.estimators.image_classifier import ImageClassifier as ImageClassifier
    from percept.estimators.image_segmenter import ImageSegmenter as ImageSegmenter
    from percept.estimators.linear import LinearClassifier as LinearClassifier
    from percept.estimators.perceptron import Perceptron as Perceptron
    from percept.estimators.regressor import MLPRegressor as MLPRegressor
    from percept.estimators.regressor_cv import MLPRegressorCV as MLPRegressorCV
    from percept.workflow.audit import audit as audit
    from percept.workflow.densify import densify as densify
    from percept.workflow.evaluate import evaluate as evaluate
    from percept.workflow.explain import explain as explain
    from percept.workflow.fit import fit as fit
    from percept.workflow.inspect import inspect as inspect
    from percept.workflow.load import load as load
    from percept.workflow.predict import predict as predict
    from percept.workflow.preview import preview_augment as preview_augment
    from percept.workflow.select import select as select

# Each public name and the module that holds it: none of them is imported before it is asked for.
_HOMES = {
    "ImageClassifier": "percept.estimators.image_classifier",
    "ImageSegmenter": "percept.estimators.image_segmenter",
    "LinearClassifier": "percept.estimators.linear",
    "MLPClassifier": "percept.estimators.classifier",
    "MLPClassifierCV": "percept.estimators.classifier_cv",
    "MLPRegressor": "percept.estimators.regressor",
    "MLPRegressorCV": "percept.estimators.regressor_cv",
    "Perceptron": "percept.estimators.perceptron",
    "audit": "percept.workflow.audit",
    "densify": "percept.workflow.densify",
    "evaluate": "percept.workflow.evaluate",
    "explain": "percept.workflow.explain",
    "fit": "percept.workflow.fit",
    "inspect": "percept.workflow.inspect",
    "load": "percept.workflow.load",
    "predict": "percept.workflow.predict",
    "preview_augment": "percept.workflow.preview",
    "select": "percept.workflow.select",
}

# Parts whose own names are public, as in `percept.models.build`.
_PARTS = ("dense", "models", "selection")

__all__ = ["__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _PARTS:
        return import_module(f"percept.{name}")
    raise AttributeError(f"module 'percept' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_PARTS})
