"""What the two selections share: all networks trained as stacks, the choice among them, and the last fit."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from math import inf
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import FitFailedWarning
from sklearn.utils import column_or_1d, indexable
from sklearn.utils.validation import check_is_fitted, validate_data

from percept.errors import DataError, OptionError
from percept.estimators.folds import make_folds, prepare_all
from percept.estimators.kept_blocks import KeptBlocks
from percept.estimators.layers import Trained
from percept.estimators.mlp_options import TrainingOptions, check_options, hidden_sizes
from percept.estimators.options import check_flag, check_number
from percept.estimators.out_of_fold import OutOfFold
from percept.estimators.restarts import lowest, seeds_of
from percept.estimators.scoring import score, scorer_of
from percept.estimators.stack import Block, Job, Trials, blocks_of, get_ready, run_block
from percept.estimators.weights import sample_weights
from percept.selection.results import best_index, cv_results, one_standard_error
from percept.selection.splits import make_splits
from percept.training.stacked.design import Floats

ALPHAS = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)


@dataclass
class Table:
    """What is known of each candidate on each split and restart: (candidates, splits, restarts), NaN at first."""

    scores: NDArray[np.float64]
    train_scores: NDArray[np.float64]
    losses: NDArray[np.float64]  # by which restarts are told apart, the lowest being the best
    epochs: NDArray[np.float64]
    fit_time: NDArray[np.float64]
    score_time: NDArray[np.float64]

    def kept(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the values (candidates, splits) of the restarts that are kept."""
        return np.take_along_axis(values, lowest(self.losses)[..., None], axis=2)[..., 0]


@dataclass(eq=False, repr=False)
class NetworkSelection(TrainingOptions, BaseEstimator):  # type: ignore[misc]
    """The base of MLPClassifierCV and MLPRegressorCV; not to be used by itself."""

    alphas: Sequence[float] | str = ALPHAS
    hidden_layer_sizes: int | Sequence[int] | Sequence[Sequence[int]] = (100,)
    activation: str = "relu"
    cv: Any = field(default=None, kw_only=True)
    scoring: Any = field(default=None, kw_only=True)
    refit: bool = field(default=True, kw_only=True)
    return_train_score: bool = field(default=False, kw_only=True)
    preprocessing: Any = field(default=None, kw_only=True)
    folder: str | Path | None = field(default=None, kw_only=True)
    progress: Callable[[int, int], None] | None = field(default=None, kw_only=True)

    _network_class: ClassVar[Any]

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Train every candidate on every split, choose, and train the chosen one on all samples.

        Args:
            X: (samples, features) numbers, dense or sparse, or whatever `preprocessing` takes.
            y: (samples,) or (samples, outputs) what is to be predicted.
            sample_weight: (samples,) what each sample counts for, in training and in the scores; None for all the same.
            groups: (samples,) samples of equal value stay on one side of a split.

        Raises:
            OptionError: an argument of the constructor does not work.
            ValueError: the data cannot be used.
        """
        candidates = self._candidates()
        X, y, weight = self._read(X, y, sample_weight)
        seed = self._seed()
        template = self._network(candidates[0], random_state=seed)
        classifier = hasattr(template, "class_weight")
        drawn = int(seed) if isinstance(seed, Integral) else None
        self.splits_ = make_splits(self.cv, X, y, classifier=classifier, groups=groups, seed=drawn)
        folds = make_folds(template, X, y, weight, self.splits_, self.preprocessing)
        scorer, self.scoring_ = scorer_of(self.scoring, template, lone=any(len(test) < 2 for _, test in self.splits_))
        blocks = list(blocks_of(folds, candidates, self.restarts))
        kept = KeptBlocks.open(self.folder, self, folds)
        get_ready(blocks)
        table, answers = self._empty(len(candidates)), OutOfFold(len(y), len(candidates), self._know(y))
        done, total = 0, sum(len(block.jobs) for block in blocks)
        for number, block in enumerate(blocks):
            trials = kept.read(number, block)
            if trials is None:
                tell = None if self.progress is None else self._teller(done, total)
                trials = run_block(block, with_train=self.return_train_score, tell=tell)
                kept.write(number, trials)
            self._take(block, trials, scorer, table, answers)
            done += len(block.jobs)
            if self.progress is not None:
                self.progress(done, total)
        self.restart_seeds_ = seeds_of(seed, self.restarts)
        self._conclude(candidates, table, answers)
        if self.refit:
            self._refit(candidates[self.best_index_], X, y, weight, seed)
        return self

    def _teller(self, done: int, total: int) -> Callable[[int], None]:
        progress = self.progress
        return lambda more: progress(done + more, total) if progress is not None and done + more < total else None

    # What the two classes say for themselves.

    def _know(self, y: NDArray[Any]) -> int:
        """Learn what the targets are; return how many answers a sample gets."""
        raise NotImplementedError

    def _answers_of(self, template: Any, outputs: Floats) -> tuple[Floats, NDArray[np.intp]]:
        """Return a network's answers (rows, columns) by its outputs, and which of all answers they are."""
        raise NotImplementedError

    def _set_out_of_fold(self, answers: OutOfFold) -> None:
        """Set what the best candidate answered for each sample that was left out."""
        raise NotImplementedError

    # Before training.

    def _candidates(self) -> list[tuple[float, tuple[int, ...]]]:
        """Return weight decay and hidden layers of each candidate, in the order of scikit-learn's ParameterGrid."""
        for name in ("refit", "return_train_score"):
            check_flag(name, getattr(self, name))
        alphas = ALPHAS if isinstance(self.alphas, str) and self.alphas == "auto" else self.alphas
        if isinstance(alphas, str) or not isinstance(alphas, Iterable) or not len(tuple(alphas)):
            raise OptionError(f"alphas is {alphas!r}; expected numbers of at least 0, or 'auto'")
        for alpha in alphas:
            check_number("alphas", alpha)
        self._several = _several(self.hidden_layer_sizes)
        shapes: Any = self.hidden_layer_sizes if self._several else [self.hidden_layer_sizes]
        candidates = [(float(alpha), hidden_sizes(shape)) for alpha in alphas for shape in shapes]
        for alpha, shape in candidates:
            check_options(self._network((alpha, shape)))
        return candidates

    def _network(self, candidate: tuple[float, tuple[int, ...]], **changed: Any) -> Any:
        """Return an untrained network of a candidate."""
        known = {each.name for each in fields(self._network_class)}
        named = {name: value for name, value in self.get_params(deep=False).items() if name in known}
        alpha, shape = candidate
        network = self._network_class(**{**named, "alpha": alpha, "hidden_layer_sizes": shape, **changed})
        network._check_loss()
        return network

    def _read(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, NDArray[Any], Any]:
        """Return inputs, targets and weights, checked as far as preprocessing lets them be."""
        numeric = {"y_numeric": True} if not hasattr(self, "class_weight") else {}
        if self.preprocessing is None:
            X, y = validate_data(
                self, X, y, accept_sparse="csr", multi_output=True, dtype=(np.float64, np.float32), **numeric
            )
        else:
            X, y = indexable(X, y)
            validate_data(self, X, y, skip_check_array=True)
            y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y, sample_weights(sample_weight, len(y), np.dtype(np.float64))

    def _seed(self) -> Any:
        """Return the random state of every network: one number for all where none is named."""
        if self.random_state is None:
            return int(np.random.randint(2**31 - 1))
        return self.random_state

    def _empty(self, candidates: int) -> Table:
        shape = (candidates, len(self.splits_), self.restarts)
        return Table(*(np.full(shape, np.nan) for _ in range(6)))

    # After a block.

    def _take(self, block: Block, trials: Trials, scorer: Any, table: Table, answers: OutOfFold) -> None:
        """Score a block's networks, and keep what the candidates' better restarts answered."""
        per = [seconds / len(block.jobs) for seconds in trials.seconds]
        learned = np.asarray(np.isfinite(trials.parameters).all(axis=1))
        for model, job in enumerate(block.jobs):
            place = (job.candidate, job.fold.number, job.restart)
            found = Trained(trials.parameters[model], trials.statistics[model])
            named = (scorer, job.fold, block.network, found)
            if learned[model]:
                table.scores[place] = score(*named, trials.outputs[model], job.fold.test)
            if self.return_train_score and learned[model]:
                table.train_scores[place] = score(*named, trials.train_outputs[model], job.fold.train)
            held = trials.scores[model]
            table.losses[place] = trials.losses[model] if np.isnan(held) else -held
            table.epochs[place] = trials.best_epochs[model]
            table.fit_time[place], table.score_time[place] = per
            ended = job.restart == self.restarts - 1
            if ended:
                self._keep(block.jobs[model - self.restarts + 1 : model + 1], model, trials, table, answers)

    def _keep(self, jobs: Sequence[Job], last: int, trials: Trials, table: Table, answers: OutOfFold) -> None:
        """Keep the out-of-fold answers of one candidate on one split, by its best restart."""
        job = jobs[-1]
        best = int(lowest(table.losses[job.candidate, job.fold.number]))
        outputs = trials.outputs[last - len(jobs) + 1 + best]
        rows = self.splits_[job.fold.number][1]
        answers.add(job.candidate, rows, *self._answers_of(job.fold.material.template, outputs))

    # After training.

    def _conclude(self, candidates: list[tuple[float, tuple[int, ...]]], table: Table, answers: OutOfFold) -> None:
        """Set the attributes that say what was found, and which candidate it speaks for."""
        failed = int(np.isnan(table.scores).sum())
        if failed == table.scores.size:
            raise DataError(
                "no network came to finite numbers; the input data may contain large values and need to be"
                " preprocessed: pass preprocessing='standardize', or lower learning_rate_init"
            )
        if failed:
            warnings.warn(
                f"{failed} of {table.scores.size} networks did not come to finite numbers and score NaN; lower"
                " learning_rate_init or preprocess the data",
                FitFailedWarning,
                stacklevel=3,
            )
        params = [
            {"alpha": alpha, "hidden_layer_sizes": shape} if self._several else {"alpha": alpha}
            for alpha, shape in candidates
        ]
        scores = table.kept(table.scores)
        trained = table.kept(table.train_scores) if self.return_train_score else None
        self.cv_results_ = cv_results(
            params,
            scores,
            fit_time=table.fit_time.sum(axis=2),
            score_time=table.score_time.sum(axis=2),
            train_scores=trained,
        )
        self.cv_results_["restart_test_score"] = table.scores
        if self.return_train_score:
            self.cv_results_["restart_train_score"] = table.train_scores
        self.n_splits_ = len(self.splits_)
        self.best_index_ = best_index(scores)
        self.best_params_, self.best_score_ = params[self.best_index_], float(scores.mean(axis=1)[self.best_index_])
        alphas, units = zip(*((alpha, sum(shape)) for alpha, shape in candidates), strict=True)
        self.one_standard_error_index_ = one_standard_error(scores, alphas, units)
        self.refit_epochs_ = None
        if self.early_stopping and self.solver != "lbfgs":
            self.refit_epochs_ = max(1, round(float(np.median(table.kept(table.epochs)[self.best_index_]))))
        self._set_out_of_fold(answers)

    def _refit(self, candidate: tuple[float, tuple[int, ...]], X: Any, y: Any, weight: Any, seed: Any) -> None:
        """Train the chosen candidate on all samples: for as many epochs as were best, where these were found."""
        fixed: dict[str, Any] = {}
        if self.refit_epochs_ is not None:
            fixed = {"early_stopping": False, "max_iter": self.refit_epochs_, "n_iter_no_change": inf}
        X, self.preprocessing_ = prepare_all(X, y, self.preprocessing)
        with warnings.catch_warnings():
            if fixed:
                from sklearn.exceptions import ConvergenceWarning

                warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is meant
            self.best_estimator_ = self._network(candidate, random_state=seed, **fixed).fit(X, y, weight)
        for name in ("coefs_", "intercepts_", "loss_curve_", "n_iter_", "n_layers_", "n_outputs_", "out_activation_"):
            if hasattr(self.best_estimator_, name):
                setattr(self, name, getattr(self.best_estimator_, name))

    # With the network that was trained on all samples.

    def _prepared(self, X: Any) -> Any:
        """Return inputs as the last network takes them."""
        if self.preprocessing is None:
            return validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        return self.preprocessing_.transform(X)

    def _asked(self) -> Any:
        """Return the network that was trained on all samples."""
        check_is_fitted(self)
        if not hasattr(self, "best_estimator_"):
            raise OptionError(f"refit is {self.refit}, so no network was trained on all samples; set refit=True")
        return self.best_estimator_

    def predict(self, X: Any) -> NDArray[Any]:
        """Return what the network trained on all samples predicts for each sample of X (samples, features)."""
        found: NDArray[Any] = self._asked().predict(self._prepared(X))
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.preprocessing is None
        return tags


def _several(shapes: Any) -> bool:
    """Return whether hidden layers of several networks are given, and not the units of one."""
    return isinstance(shapes, (list, tuple)) and any(not isinstance(shape, Integral) for shape in shapes)
