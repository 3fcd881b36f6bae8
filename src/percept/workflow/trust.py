"""How far a trained classifier, and the labels it is held against, can be trusted: what the report says of it."""

from collections.abc import Callable
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.evaluation.abstention import abstention_at, choose_abstention
from percept.evaluation.calibration import Bin, calibration
from percept.evaluation.label_suspects import label_suspects
from percept.evaluation.temperature import fit_temperature, with_temperature
from percept.report.content import Abstention, CalibrationBin, LabelCheck, Suspect
from percept.workflow.assess import Predictions

TARGETS = (0.01, 0.02, 0.05, 0.1)  # shares of wrong answers that thresholds are told for
SHOWN = 24  # labels to look at that the report shows


def trust(
    predictions: Predictions, validation: Predictions, temperature: float = 1.0, target: float | None = None
) -> dict[str, Any]:
    """Return the fields of the report's `Evaluation` on calibration and abstention.

    Args:
        predictions: of a classifier on the part that is told of.
        validation: those that temperature and thresholds are chosen on; of the validation part.
        temperature: the model file's; the thresholds are for probabilities with it, as `percept predict` gives them.
        target: a share of wrong answers that the user asked for, told beside the usual ones.
    """
    truth, known = predictions.truth.astype(np.int64), validation.truth.astype(np.int64)
    fitted = fit_temperature(known, validation.scores)
    before = calibration(truth, predictions.scores)
    after = calibration(truth, with_temperature(predictions.scores, fitted))
    told = sorted({*TARGETS, *(() if target is None else (target,))})
    scores, chosen_on = (with_temperature(each.scores, temperature) for each in (predictions, validation))
    return {
        "calibration": _bins(before.bins),
        "calibration_error": before.error,
        "temperature": fitted,
        "calibrated": _bins(after.bins),
        "calibrated_error": after.error,
        "abstentions": tuple(_abstention(truth, scores, known, chosen_on, each) for each in told),
    }


def trust_metadata(validation: Predictions, target_error: float | None = None) -> dict[str, float]:
    """Return what a model file is to hold for calibrated probabilities, and for an answer only when sure.

    Args:
        validation: a classifier's predictions of samples that it did not learn from.
        target_error: the share of wrong answers to keep to; None stores no threshold.

    Returns:
        "temperature", and "abstain_below" where a threshold on the calibrated probabilities keeps to the target.

    Raises:
        OptionError: the target is not between 0 and 1.
    """
    truth = validation.truth.astype(np.int64)
    # where no answer is wrong the likelihood has no maximum: every probability would become 1
    wrong = (validation.scores.argmax(axis=1) != truth).any()
    stored = {"temperature": fit_temperature(truth, validation.scores) if wrong else 1.0}
    if target_error is not None:
        found = choose_abstention(truth, with_temperature(validation.scores, stored["temperature"]), target_error)
        stored |= {"abstain_below": found.threshold} if found is not None else {}
    return stored


def check_labels(predictions: Predictions, classes: tuple[str, ...], shown: Callable[[str], Any]) -> LabelCheck:
    """Return the labels that a classifier contradicts with confidence.

    Args:
        predictions: of samples that it did not learn from.
        classes: the classes' names.
        shown: gives what the report shows of a sample, by its name.
    """
    truth = predictions.truth.astype(np.int64)
    rows = label_suspects(truth, predictions.scores)
    suspects = tuple(
        Suspect(
            shown(predictions.keys[row]),
            classes[truth[row]],
            classes[int(predictions.scores[row].argmax())],
            float(predictions.scores[row].max()),
            float(predictions.scores[row, truth[row]]),
            predictions.keys[row],
        )
        for row in rows[:SHOWN]
    )
    return LabelCheck(suspects, len(rows), len(truth))


def _bins(bins: tuple[Bin, ...]) -> tuple[CalibrationBin, ...]:
    return tuple(
        CalibrationBin(each.confidence, each.accuracy, each.count, each.accuracy_low, each.accuracy_high)
        for each in bins
    )


def _abstention(
    truth: NDArray[np.int64],
    scores: NDArray[np.float64],
    known: NDArray[np.int64],
    chosen_on: NDArray[np.float64],
    target: float,
) -> Abstention:
    chosen = choose_abstention(known, chosen_on, target)
    if chosen is None:
        return Abstention(target, None, (nan, nan, nan), (nan, nan, nan))
    found = abstention_at(truth, scores, chosen.threshold, target)
    return Abstention(target, chosen.threshold, found.coverage, found.error)
