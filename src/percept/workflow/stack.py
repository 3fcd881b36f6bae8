"""A selection whose networks are small enough to be trained together: every split, weight decay, shape and restart."""

import warnings
from collections.abc import Callable, Generator
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from percept.data.columns import TablePreprocessing
from percept.data.dataset import Dataset, Table
from percept.errors import DataError, OptionError, PerceptError, PerceptWarning
from percept.estimators.classifier_cv import MLPClassifierCV
from percept.estimators.regressor_cv import MLPRegressorCV
from percept.evaluation.metrics import Metric, metric_named
from percept.models import build
from percept.runs.folder import RunFolder, write_rows
from percept.runs.recipe import Recipe, TrainingRecipe
from percept.training.stopping import Best
from percept.workflow.checks import Checked
from percept.workflow.chosen import Candidate, Chosen
from percept.workflow.events import Event, Note
from percept.workflow.folds import Fold, make_folds, rest
from percept.workflow.learn import Learned
from percept.workflow.objective import target_scale
from percept.workflow.prepare import Prepared

ALPHAS = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
HIDDEN = ((64,),)
DEFAULTS: dict[str, Any] = {"schedule": "constant", "clip_norm": 0.0, "augment": "none"}
Progress = Callable[[int, int], None] | None
MANY_SAMPLES = ("auroc", "r2", "balanced_accuracy", "macro_f1")  # metrics that mean nothing on one sample


class FoldColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A table's preprocessing as a scikit-learn transformer: numbers are measured on the rows that it is fitted on.

    Which columns and categories there are is taken from all rows that may be learned from, so that each fold's network
    takes the same features.

    Args:
        layout: the preprocessing of all these rows.
    """

    def __init__(self, layout: TablePreprocessing) -> None:
        self.layout = layout

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Measure medians, means and deviations on these rows."""
        self.fitted_ = self.layout.measured_on(X)
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Return the network's inputs (rows, features)."""
        return self.fitted_.transform(X).astype(np.float64)

    def __sklearn_clone__(self) -> "FoldColumns":
        return FoldColumns(self.layout)

    def __repr__(self) -> str:
        return f"FoldColumns({self.layout!r})"


class Measure:
    """One of percept's figures as scikit-learn's scorer, higher being better.

    Args:
        metric: the figure.
        classes: how many classes there are, 0 for regression.
        scale: mean and deviation that targets were divided by.
    """

    def __init__(self, metric: Metric, classes: int, scale: tuple[float, float]) -> None:
        self.metric, self.classes, self.scale = metric, classes, scale

    def __call__(self, estimator: Any, X: Any, y: NDArray[Any]) -> float:
        """Return the score of a trained network on inputs and targets."""
        sign = 1 if self.metric.higher_is_better else -1
        if not self.classes:
            mean, std = self.scale
            return sign * self.metric.measure(y * std + mean, estimator.predict(X) * std + mean)
        chances = np.zeros((len(y), self.classes))
        chances[:, np.asarray(estimator.classes_, dtype=np.int64)] = estimator.predict_proba(X)
        return sign * self.metric.measure(np.asarray(y, dtype=np.int64), chances)

    def __repr__(self) -> str:
        return f"Measure({self.metric.name}, {self.classes}, {self.scale})"


def possible(recipe: Recipe, kind: str | None = None) -> None:
    """Refuse what a stack cannot do.

    Args:
        recipe: what the user asked for.
        kind: of the data, where they are read already.

    Raises:
        OptionError: something was asked for that only runs of their own can do.
    """
    selection, training = recipe.selection, recipe.training
    if selection is None or selection.alphas is None:
        return
    if kind == "image" or recipe.model.name not in (None, "mlp"):
        what = "pictures" if kind == "image" else f"model {recipe.model.name}"
        raise OptionError(
            f"--cv, --alphas, --hidden and --restarts are for tables with model mlp, whose networks are trained as one"
            f" stack, not for {what}; use percept select, which trains a run for each candidate"
        )
    alone = ("mixup", "label_smoothing", "minutes", "find_lr")
    for name in ("schedule", "clip_norm", "weight_decay", "augment", *alone):
        harmless = (DEFAULTS.get(name), TrainingRecipe.model_fields[name].default)
        if name in training.model_fields_set and getattr(training, name) not in harmless:
            instead = "--alphas says which decays are tried" if name == "weight_decay" else "leave it out"
            raise OptionError(
                f"--{name.replace('_', '-')} is {getattr(training, name)}, which networks trained as a stack do not"
                f" take; {instead}, or use percept select"
            )
    if selection.cv == "loo" and training.metric in MANY_SAMPLES:
        raise OptionError(
            f"--metric {training.metric} means nothing on one sample left out; take accuracy, loss or rmse, or --cv 10"
        )


def stack_choices(recipe: Recipe, kind: str, classes: int, samples: int) -> Recipe:
    """Return the recipe with every choice made that concerns a stack.

    Args:
        recipe: what the user asked for.
        kind: of the data.
        classes: how many, 0 for regression.
        samples: to learn from.

    Raises:
        OptionError: a choice does not go with the data.
    """
    possible(recipe, kind)
    if recipe.selection is None:
        return recipe
    asked = recipe.training.model_fields_set
    fixed = {**DEFAULTS, **({} if "optimizer" in asked else {"optimizer": "adam"})}
    training = recipe.training.model_copy(update={**fixed, "weight_decay": None})
    selection = recipe.selection.model_copy(update={"hidden": recipe.selection.hidden or [list(s) for s in HIDDEN]})
    recipe = recipe.model_copy(update={"training": training, "selection": selection})
    return recipe.filled(
        "training",
        epochs=200 if samples < 2_000 else 100 if samples < 20_000 else 40,
        batch_size=min(max(1 << max(samples // 30, 1).bit_length() - 1, 16), 256),
        learning_rate={"sgd": 0.05}.get(training.optimizer, 3e-3),
        patience=0,
        metric="accuracy" if classes else "loss",
        device="cpu",
        precision="float32",
        threads=1,
    )


def fit_stack(
    prepared: Prepared, recipe: Recipe, folder: RunFolder, networks: Progress
) -> Generator[Event, None, Chosen]:
    """Train all networks as one stack, choose, and train the chosen candidate on all samples but the sealed ones.

    Args:
        prepared: samples, split and preprocessing.
        recipe: every choice, made.
        folder: where finished blocks of networks are kept.
        networks: told how many networks are done, and of how many.

    Source: notes §2.5.3, steps 1-5.
    """
    if recipe.selection is None:
        raise ValueError("the recipe chooses nothing")
    rows, dataset = rest(prepared), prepared.loaded.dataset
    folds = make_folds(prepared, rows, recipe.selection.cv, recipe.training.seed)
    place = np.full(len(dataset), -1)
    place[rows] = np.arange(len(rows))
    scale = target_scale(dataset.target, rows)
    metric = metric_named(recipe.training.metric or "loss", dataset.target.task)
    model = _model(recipe, prepared, scale, metric)
    model.cv = [(place[train], place[test]) for train, test in folds]
    model.folder, model.progress = folder.networks, networks
    samples = dataset.samples
    if not isinstance(samples, Table):
        raise ValueError("a stack takes a table")
    targets: NDArray[Any] = dataset.target.values[rows]
    if dataset.target.task == "regression":
        targets = (targets - scale[0]) / scale[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # epochs are a choice here, and in the recipe
        warnings.filterwarnings("ignore", "batch_size is", PerceptWarning)  # a choice for the whole, not for one fold
        try:
            model.fit(samples.take(rows).frame, targets)
        except PerceptError:
            raise
        except ValueError as error:
            raise DataError(f"the networks cannot be trained: {error}") from error
    yield from map(Note, _edges(model))
    return _chosen(model, prepared, recipe, folder, folds, metric)


def _model(recipe: Recipe, prepared: Prepared, scale: tuple[float, float], metric: Metric) -> Any:
    """Return the estimator that trains all the networks."""
    training, selection, target = recipe.training, recipe.selection, prepared.loaded.dataset.target
    if selection is None or selection.alphas is None or selection.hidden is None:
        raise ValueError("the recipe has no stack")
    early = bool(training.patience)
    plain = metric.name == "accuracy"
    named: dict[str, Any] = {
        "alphas": tuple(selection.alphas),
        "hidden_layer_sizes": [tuple(shape) for shape in selection.hidden],
        "restarts": selection.restarts,
        "scoring": None if plain else Measure(metric, len(target.classes), scale),
        "return_train_score": True,
        "preprocessing": FoldColumns(_layout(prepared)),
        "solver": training.optimizer,
        "batch_size": training.batch_size,
        "max_iter": training.epochs,
        "learning_rate_init": training.learning_rate,
        "momentum": training.momentum,
        "random_state": training.seed,
        "early_stopping": early,
        "n_iter_no_change": training.patience if early else np.inf,
        "device": training.device or "cpu",
    }
    if not target.classes:
        return MLPRegressorCV(**named)
    return MLPClassifierCV(**named, class_weight=None if training.class_weights == "none" else "balanced")


def _layout(prepared: Prepared) -> TablePreprocessing:
    if not isinstance(prepared.preprocessing, TablePreprocessing):
        raise ValueError("a stack takes a table")
    return prepared.preprocessing


def _edges(model: Any) -> list[str]:
    """Return a sentence where the chosen weight decay is the last one tried on its side."""
    alphas, best = sorted(model.alphas), model.best_params_["alpha"]
    if len(alphas) < 2 or best not in (alphas[0], alphas[-1]):
        return []
    side = "weakest" if best == alphas[0] else "strongest"
    return [f"the best weight decay, {best:g}, is the {side} that was tried: a {side[:-3]}er one may do better"]


def _chosen(
    model: Any, prepared: Prepared, recipe: Recipe, folder: RunFolder, folds: list[Fold], metric: Metric
) -> Chosen:
    rows, dataset = rest(prepared), prepared.loaded.dataset
    scale = target_scale(dataset.target, rows)
    if dataset.target.classes:
        answers = np.asarray(model.oof_probabilities_, dtype=np.float64)
        known = np.isfinite(answers).all(axis=1)
    else:
        found = np.ma.MaskedArray(model.oof_predictions_)
        answers = np.asarray(found.filled(np.nan), dtype=np.float64) * scale[1] + scale[0]
        known = np.isfinite(answers)
    best = int(model.best_index_)
    params = _params(model)
    chosen = {"alpha": params[best]["alpha"], "hidden": list(params[best]["hidden"])}
    if recipe.selection is None:
        raise ValueError("the recipe chooses nothing")
    arguments = {**recipe.model.arguments, "hidden": chosen["hidden"], "dropout": 0.0}
    recipe = recipe.model_copy(
        update={
            "model": recipe.model.model_copy(update={"arguments": arguments}),
            "selection": recipe.selection.model_copy(update={"chosen": chosen}),
        }
    )
    learned = _learned(model.best_estimator_, dataset, recipe, scale)
    _write_history(folder, model.best_estimator_, recipe)
    return Chosen(
        recipe=recipe,
        candidates=_candidates(model, params, 1 if metric.higher_is_better else -1),
        best=best,
        simplest=int(model.one_standard_error_index_),
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        networks=model.cv_results_["restart_test_score"].size,
        folds=tuple(folds),
        rows=rows[known],
        scores=answers[known],
        learned=learned,
    )


def _params(model: Any) -> list[dict[str, Any]]:
    """Return alpha and hidden layers of each candidate."""
    alone = model.hidden_layer_sizes[0]
    return [
        {"alpha": float(each["alpha"]), "hidden": list(each.get("hidden_layer_sizes", alone))}
        for each in model.cv_results_["params"]
    ]


def _candidates(model: Any, params: list[dict[str, Any]], sign: int) -> tuple[Candidate, ...]:
    table = model.cv_results_
    splits = model.n_splits_
    restarts = table["restart_test_score"]
    return tuple(
        Candidate(
            params=each,
            test=tuple(sign * float(table[f"split{split}_test_score"][number]) for split in range(splits)),
            train=sign * float(table["mean_train_score"][number]),
            restarts=tuple(sign * restarts[number].mean(axis=0)) if restarts.shape[2] > 1 else (),
        )
        for number, each in enumerate(params)
    )


def _learned(estimator: Any, dataset: Dataset, recipe: Recipe, scale: tuple[float, float]) -> Learned:
    """Return the refitted network as percept's own, which has a score for each class."""
    network = network_of(estimator, build("mlp", **recipe.model.arguments), len(dataset.target.classes))
    epochs = int(estimator.n_iter_)
    return Learned(network, Best(epochs, float("nan"), float("nan"), {}), (), scale, Checked((), ""))


def network_of(estimator: Any, network: nn.Module, classes: int) -> nn.Module:
    """Return a multilayer perceptron of percept's own with the weights of a trained estimator.

    Args:
        estimator: an MLPClassifier or MLPRegressor.
        network: of the same layers; of two classes each has a score, where the estimator has one output.
        classes: how many, 0 for regression.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for layer, weights, biases in zip(layers, estimator.coefs_, estimator.intercepts_, strict=True):
            weight, bias = weights.T, biases
            if layer is layers[-1] and classes == 2:  # [0, z]: softmax of it is the logistic of z
                weight, bias = np.concatenate([0 * weight, weight]), np.concatenate([0 * bias, bias])
            layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
            layer.bias.copy_(torch.from_numpy(np.ascontiguousarray(bias)))
    return network.eval()


def _write_history(folder: RunFolder, estimator: Any, recipe: Recipe) -> None:
    rate = recipe.training.learning_rate
    rows = [(number, float(loss), rate) for number, loss in enumerate(estimator.loss_curve_, start=1)]
    write_rows(folder.history, ("epoch", "train_loss", "learning_rate"), rows)
