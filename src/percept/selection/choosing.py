"""The choice among candidates by cross-validation, each with restarts, and the final fit on all samples."""

from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np

from percept.selection.answers import Answered, Answers, gather
from percept.selection.candidates import Floats, Params, compare, make_plan
from percept.selection.cross_validation import make_rules
from percept.selection.fitting import Rules, fit_whole
from percept.selection.results import standard_error
from percept.selection.running import Folder, Progress, check_progress, run_fits
from percept.selection.samples import Samples, classifies, read_samples
from percept.selection.scoring import scoring_name
from percept.selection.splits import make_splits


@dataclass(frozen=True, eq=False)
class Selection(Answered):
    """What a selection found.

    Attributes:
        cv_results_: a table with the keys of scikit-learn's GridSearchCV; of several restarts also
            `restart_test_score` (candidates, splits, restarts).
        best_index: the candidate with the highest mean score.
        one_standard_error_index: the simplest candidate within one standard error of the best, see
            `one_standard_error`; the best itself where the grid names no weight decay and sizes are equal.
        scores: (candidates, splits) on the samples left out.
        restart_scores: (candidates, splits, restarts), of which `scores` has those that did best in training.
        scoring: name of the score.
        answers: what the best candidate's models said of the samples left out.
        best_model: the best candidate fitted on all samples; None with `refit=False`.
    """

    cv_results_: dict[str, Any]
    best_index: int
    one_standard_error_index: int
    scores: Floats
    restart_scores: Floats
    scoring: str
    answers: Answers
    best_model: Any

    @property
    def best_params(self) -> Params:
        """What the best candidate sets."""
        return dict(self.cv_results_["params"][self.best_index])

    @property
    def best_score(self) -> float:
        """The best candidate's mean score; too good by the choice itself, see `nested`."""
        return float(self.cv_results_["mean_test_score"][self.best_index])

    @property
    def one_standard_error_params(self) -> Params:
        """What the simplest candidate within one standard error of the best sets."""
        return dict(self.cv_results_["params"][self.one_standard_error_index])

    def table(self) -> str:
        """Return the candidates as lines of text, the best first."""
        found, errors = self.cv_results_, standard_error(self.scores)
        order = sorted(range(len(errors)), key=lambda each: (found["rank_test_score"][each], each))
        lines = [f"{'rank':>4}  {self.scoring:>12}  {'std. error':>10}  candidate"]
        notes = {self.one_standard_error_index: "  <- within one standard error"}
        notes[self.best_index] = "  <- best"
        for each in order:
            text = ", ".join(f"{name}={value!r}" for name, value in found["params"][each].items()) or "as given"
            mean, rank = found["mean_test_score"][each], found["rank_test_score"][each]
            lines.append(f"{rank:>4}  {mean:>12.4g}  {errors[each]:>10.2g}  {text}{notes.get(each, '')}")
        return "\n".join(lines)


def select(
    model: Any,
    grid: Any,
    X: Any,
    y: Any,
    *,
    cv: Any = None,
    scoring: Any = None,
    restarts: int = 1,
    groups: Any = None,
    sample_weight: Any = None,
    n_jobs: int | None = None,
    folder: Folder = None,
    refit: bool = True,
    return_train_score: bool = False,
    random_state: int | None = 0,
    progress: Progress | None = None,
) -> Selection:
    """Return which of many candidates does best on samples that they were not trained on.

    With one restart, scores and choice are those of scikit-learn's GridSearchCV. With several, each candidate is
    trained from so many seeds on each split, and the one that training itself went best for is kept: by its own
    validation score, else its own loss, else its score on the samples trained on.

    Args:
        model: anything with scikit-learn's fit and predict; it stays as it is.
        grid: values to try by the name of the parameter, or several such, as GridSearchCV takes them.
        X: (samples, ...) an array, sparse matrix, DataFrame, or a list such as one of paths.
        y: (samples, ...) what is to be predicted.
        cv: as `cross_validate` takes it.
        scoring: None for the model's own score, a name of scikit-learn's, or a function of (model, X, y).
        restarts: how many seeds each candidate is trained from.
        groups: (samples,) whose equal values stay on one side.
        sample_weight: (samples,) what each sample counts for, in training and where the scorer takes it.
        n_jobs: fits at a time; None for what joblib's context says.
        folder: keeps each finished fit, so that the same call, or one with more candidates, goes on from them.
        refit: whether to fit the best candidate on all samples.
        return_train_score: whether to score the samples trained on as well.
        random_state: seed of splits, and of what the model leaves to chance; None leaves it.
        progress: called with (done, total) after each fit.

    Raises:
        OptionError: an argument does not work.
        DataError: the samples cannot be split so.
        TrainingError: no candidate could be fitted on every split.

    Source: notes §2.5.3, steps 1-5.

    Example:
        >>> from sklearn.linear_model import Ridge
        >>> X = np.arange(20.0)[:, None]
        >>> select(Ridge(), {"alpha": [0.1, 1000]}, X, 2 * X[:, 0]).best_params
        {'alpha': 0.1}
    """
    samples = read_samples(model, X, y, groups, sample_weight)
    check_progress(progress)
    plan = make_plan(model, grid, restarts, random_state)
    rules = make_rules(model, samples, scoring, train_scores=return_train_score, compared=restarts > 1)
    splits = make_splits(cv, X, samples.y, classifier=classifies(model), groups=samples.groups, seed=random_state)
    fits = run_fits(
        plan.tasks(splits), samples, rules, scoring=scoring, n_jobs=n_jobs, folder=folder, progress=progress
    )
    found = compare(plan, fits, len(splits))
    return Selection(
        found.table(train_scores=return_train_score),
        found.best,
        found.simplest(),
        found.scores,
        found.restart_scores,
        scoring_name(scoring),
        gather(found.kept[found.best], splits, samples),
        _fitted(plan.models[found.best], samples, rules, n_jobs) if refit else None,
    )


def _fitted(models: list[Any], samples: Samples, rules: Rules, n_jobs: int | None) -> Any:
    """Return the model fitted on all samples that training went best for."""
    if len(models) == 1:
        return fit_whole(models[0], samples, rules)[0]
    calls = (joblib.delayed(fit_whole)(model, samples, rules) for model in models)
    found = joblib.Parallel(n_jobs=n_jobs)(calls)
    return found[int(np.argmax([standing for _, standing in found]))][0]
