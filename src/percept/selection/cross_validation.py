"""The score of one model on samples that it was not trained on, split by split."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.evaluation.intervals import Figure
from percept.selection.answers import Answered, Answers, gather
from percept.selection.certainty import score_interval
from percept.selection.fitting import Fit, Rules, Task
from percept.selection.restarts import candidate_models
from percept.selection.results import standard_error
from percept.selection.running import Folder, Progress, check_progress, run_fits
from percept.selection.samples import Samples, classifies, read_samples
from percept.selection.scoring import make_scorer, scoring_name, takes_weights
from percept.selection.splits import Pair, make_splits

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CrossValidation(Answered):
    """What a cross-validation found.

    Attributes:
        scores: (splits,) on the samples left out, higher being better; NaN where the fit failed.
        train_scores: (splits,) on the samples trained on, or None.
        fit_seconds: (splits,) time for training.
        scoring: name of the score.
        answers: what each split's model said of the samples left out.
    """

    scores: Floats
    train_scores: Floats | None
    fit_seconds: Floats
    scoring: str
    answers: Answers

    @property
    def mean(self) -> float:
        """The mean score."""
        return float(self.scores.mean())

    @property
    def standard_error(self) -> float:
        """The standard error of the mean, as if splits did not share samples."""
        return float(standard_error(self.scores[None])[0])

    def interval(self, level: float = 0.95, *, samples: int = 1000, seed: int = 0) -> Figure:
        """Return the mean score with its interval, see `score_interval`."""
        return score_interval(self.answers, self.scores, self.scoring, level=level, samples=samples, seed=seed)


def cross_validate(
    model: Any,
    X: Any,
    y: Any,
    *,
    cv: Any = None,
    scoring: Any = None,
    groups: Any = None,
    sample_weight: Any = None,
    n_jobs: int | None = None,
    folder: Folder = None,
    return_train_score: bool = False,
    random_state: int | None = 0,
    progress: Progress | None = None,
) -> CrossValidation:
    """Return how a model does on samples that it was not trained on.

    Fits run through joblib: `n_jobs` processes here, or what `joblib.parallel_config("dask")` and the like name.

    Args:
        model: anything with scikit-learn's fit and predict; it stays as it is.
        X: (samples, ...) an array, sparse matrix, DataFrame, or a list such as one of paths.
        y: (samples, ...) what is to be predicted.
        cv: None for five parts; a number of parts; "loo", "bootstrap", "subsampling"; a splitter of scikit-learn's; or
            pairs of row numbers.
        scoring: None for the model's own score, a name of scikit-learn's, or a function of (model, X, y).
        groups: (samples,) whose equal values stay on one side.
        sample_weight: (samples,) what each sample counts for, in training and where the scorer takes it.
        n_jobs: fits at a time; None for what joblib's context says.
        folder: keeps each finished fit, so that the same call goes on where it was cut off.
        return_train_score: whether to score the samples trained on as well.
        random_state: seed of splits, and of what the model leaves to chance; None leaves it.
        progress: called with (done, total) after each fit.

    Raises:
        OptionError: an argument does not work.
        DataError: the samples cannot be split so.
        TrainingError: every fit failed.

    Source: notes §2.5.1; Stone 1974.

    Example:
        >>> from sklearn.linear_model import LogisticRegression
        >>> X = np.arange(20.0)[:, None]
        >>> cross_validate(LogisticRegression(), X, X[:, 0] > 9, cv="loo").mean
        0.95
    """
    samples = read_samples(model, X, y, groups, sample_weight)
    check_progress(progress)
    rules = make_rules(model, samples, scoring, train_scores=return_train_score)
    splits = make_splits(cv, X, samples.y, classifier=classifies(model), groups=samples.groups, seed=random_state)
    (first,) = candidate_models(model, {}, 1, random_state)
    tasks = [Task(first, train, test, type(model).__name__) for train, test in splits]
    fits = run_fits(tasks, samples, rules, scoring=scoring, n_jobs=n_jobs, folder=folder, progress=progress)
    return from_fits(fits, splits, samples, scoring, train_scores=return_train_score)


def make_rules(model: Any, samples: Samples, scoring: Any, **choices: bool) -> Rules:
    """Return what is measured at every fit."""
    scorer = make_scorer(model, scoring)
    weighted = samples.weights is not None and takes_weights(model, scorer, scoring)
    return Rules(scorer, weighted=weighted, **choices)


def from_fits(
    fits: list[Fit], splits: list[Pair], samples: Samples, scoring: Any, *, train_scores: bool = False
) -> CrossValidation:
    """Return what the fits of all splits found."""
    return CrossValidation(
        np.array([fit.score for fit in fits]),
        np.array([fit.train_score for fit in fits]) if train_scores else None,
        np.array([fit.fit_seconds for fit in fits]),
        scoring_name(scoring),
        gather(fits, splits, samples),
    )
