"""The honest error of a whole procedure, choice included: a loop around the choice, on samples that it never saw."""

import warnings
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier, DummyRegressor

from percept.errors import OptionError
from percept.evaluation.intervals import Figure
from percept.selection.candidates import Floats, Params, make_plan
from percept.selection.certainty import resampled_by
from percept.selection.cross_validation import CrossValidation, from_fits, make_rules
from percept.selection.fitting import Rules, Task, last_step
from percept.selection.inner import Chosen, choose_each, inner_splits
from percept.selection.restarts import candidate_models
from percept.selection.running import Folder, Progress, check_progress, run_fits
from percept.selection.samples import Samples, classifies, read_samples
from percept.selection.scoring import make_scorer
from percept.selection.splits import Pair, Rows, make_splits
from percept.selection.verdict import verdict


@dataclass(frozen=True, eq=False)
class Nested:
    """What a choice is worth.

    Attributes:
        outer: the cross-validation of the whole procedure: each split's model was chosen and trained without the
            samples that it is tested on.
        chosen: what was chosen in each outer split; empty where the model did not say.
        inner_scores: (splits,) the score by which it was chosen, which the choice itself makes too good.
        baseline: the mean score of one constant answer for all samples; NaN where it has none.
    """

    outer: CrossValidation
    chosen: tuple[Params, ...]
    inner_scores: Floats
    baseline: float

    @property
    def scores(self) -> Floats:
        """(splits,) the honest scores."""
        return self.outer.scores

    @property
    def mean(self) -> float:
        """The honest score of the procedure."""
        return self.outer.mean

    @property
    def standard_error(self) -> float:
        """The standard error of the mean, as if splits did not share samples."""
        return self.outer.standard_error

    @property
    def optimism(self) -> float:
        """How much better the inner score looks than the honest one is."""
        return float(self.inner_scores.mean()) - self.mean

    @property
    def rows(self) -> Rows | None:
        """(tested,) the samples that `predictions` and `probabilities` are of, in order."""
        return self.outer.rows

    @property
    def predictions(self) -> NDArray[Any] | None:
        """(tested, ...) labels or values, each by a procedure that never saw that sample."""
        return self.outer.predictions

    @property
    def probabilities(self) -> Floats | None:
        """(tested, classes) probabilities by the same procedures, with columns in the order of the sorted labels."""
        return self.outer.probabilities

    def interval(self, level: float = 0.95, *, samples: int = 1000, seed: int = 0) -> Figure:
        """Return the honest score with its interval, see `score_interval`."""
        return self.outer.interval(level, samples=samples, seed=seed)

    @property
    def verdict(self) -> str:
        """What the procedure is worth, in a sentence or two."""
        return verdict(self.interval(), self.outer.scoring, float(self.inner_scores.mean()), self.baseline)


def nested(
    model: Any,
    grid: Any,
    X: Any,
    y: Any,
    *,
    outer: Any = 5,
    inner: Any = 5,
    scoring: Any = None,
    restarts: int = 1,
    groups: Any = None,
    sample_weight: Any = None,
    n_jobs: int | None = None,
    folder: Folder = None,
    return_train_score: bool = False,
    random_state: int | None = 0,
    progress: Progress | None = None,
) -> Nested:
    """Return an honest score of choosing among candidates and training the chosen one.

    The score by which a candidate won is too good, the more so the more there were. Here every outer split makes the
    whole choice anew, without the samples that the result is then tested on.

    Args:
        model: anything with scikit-learn's fit and predict; it stays as it is.
        grid: values to try as `select` takes them; None for a model that selects by itself, such as GridSearchCV.
        X: (samples, ...) an array, sparse matrix, DataFrame, or a list such as one of paths.
        y: (samples, ...) what is to be predicted.
        outer: the splits to test by, as `cross_validate` takes them.
        inner: the splits to choose by: a number, a name or a splitter; of no use without a grid.
        scoring: None for the model's own score, a name of scikit-learn's, or a function of (model, X, y).
        restarts: how many seeds each candidate is trained from, and the chosen one as well.
        groups: (samples,) whose equal values stay on one side; a model that selects by itself is handed them.
        sample_weight: (samples,) what each sample counts for, in training and where the scorer takes it.
        n_jobs: fits at a time; None for what joblib's context says.
        folder: keeps each finished fit, so that the same call goes on where it was cut off.
        return_train_score: whether to score the samples trained on as well, in the outer loop.
        random_state: seed of splits, and of what the model leaves to chance; None leaves it.
        progress: called with (done, total) after each fit.

    Raises:
        OptionError: an argument does not work.
        DataError: the samples cannot be split so.
        TrainingError: no candidate could be fitted on every split.

    Source: notes §2.5; Stone 1974; Cawley and Talbot 2010.

    Example:
        >>> from sklearn.linear_model import Ridge
        >>> X = np.arange(20.0)[:, None]
        >>> nested(Ridge(), {"alpha": [0.1, 1000]}, X, 2 * X[:, 0], outer=3).chosen[0]
        {'alpha': 0.1}
    """
    samples = read_samples(model, X, y, groups, sample_weight)
    check_progress(progress)
    if grid is None and restarts != 1:
        raise OptionError(f"restarts is {restarts} without a grid; let the model that selects by itself restart")
    splits = make_splits(outer, X, samples.y, classifier=classifies(model), groups=samples.groups, seed=random_state)
    rules = make_rules(
        model,
        samples,
        scoring,
        train_scores=return_train_score,
        compared=restarts > 1,
        grouped=grid is None and _takes_groups(model),
    )
    settings: dict[str, Any] = {"scoring": scoring, "n_jobs": n_jobs, "folder": folder, "progress": progress}
    if grid is None:
        chosen = _by_itself(candidate_models(model, {}, 1, random_state)[0], splits, samples, rules, settings)
    else:
        plan, kind = make_plan(model, grid, restarts, random_state), classifies(model)
        inside = [inner_splits(inner, train, samples, classifier=kind, seed=random_state) for train, _ in splits]
        chosen = choose_each(plan, splits, inside, samples, rules, **settings)
    found = from_fits([each.fit for each in chosen], splits, samples, scoring, train_scores=return_train_score)
    promised = np.array([each.promised for each in chosen])
    known = scoring is not None or resampled_by(found.answers, found.scores, found.scoring) is not None
    baseline = _baseline(samples, splits, scoring) if known else float("nan")  # its own score may be any
    return Nested(found, tuple(each.params for each in chosen), promised, baseline)


def _by_itself(
    model: Any, splits: list[Pair], samples: Samples, rules: Rules, settings: dict[str, Any]
) -> list[Chosen]:
    """Return what a model that selects by itself chose in each split."""
    if any(len(np.unique(train)) < len(train) for train, _ in splits):
        raise OptionError(
            "outer repeats samples, which a model that selects by itself would put on both sides; choose 'subsampling'"
        )
    tasks = [Task(model, train, test, type(model).__name__) for train, test in splits]
    return [Chosen(fit.chosen or {}, fit.promised, fit) for fit in run_fits(tasks, samples, rules, **settings)]


def _takes_groups(model: Any) -> bool:
    """Return whether a model's own choice can be told the groups."""
    takes = signature(last_step(model).fit).parameters.values()  # GridSearchCV takes them among its **params
    return any(each.name == "groups" or each.kind is Parameter.VAR_KEYWORD for each in takes) and hasattr(
        last_step(model), "cv"
    )


def _baseline(samples: Samples, splits: list[Pair], scoring: Any) -> float:
    """Return the mean score of one constant answer, the shares of the classes or the mean of all targets."""
    constant = DummyRegressor() if samples.classes is None else DummyClassifier(strategy="prior")
    blank = np.zeros((len(samples.y), 1))
    try:
        scorer = make_scorer(constant, scoring)
        constant.fit(blank, samples.y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of a class that is never predicted
            return float(np.mean([scorer(constant, blank[test], samples.y[test]) for _, test in splits]))
    except Exception:  # a score that such a model does not have
        return float("nan")
