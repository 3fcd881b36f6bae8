"""What the page shows of each part, in its order."""

import math
from dataclasses import replace

import numpy as np

from percept.report.content import Evaluation, ReportContent
from percept.report.views import Confusion, count_rows, evaluation_view, lead_sentence, most_confused, training_view


def of(report: ReportContent) -> Evaluation:
    """Return the figures on the validation part."""
    assert report.validation is not None
    return report.validation


def test_recalls_stand_apart_the_worst_first_and_undefined_ones_last(picture_report: ReportContent) -> None:
    scores = {
        "accuracy": (0.9, 0.8, 1.0),
        "recall[b]": (0.9, 0.8, 1.0),
        "recall[none]": (math.nan,) * 3,
        "recall[a[0]]": (0.2, 0.1, 0.3),
    }
    view = evaluation_view(replace(of(picture_report), scores=scores), picture_report)
    assert list(view.scores) == ["accuracy"]
    assert [name for name, _ in view.recalls] == ["a[0]", "b", "none"]


def test_the_metric_that_chose_the_epoch_is_read_first(picture_report: ReportContent) -> None:
    assert picture_report.training is not None
    content = replace(picture_report, training=replace(picture_report.training, metric="balanced_accuracy"))
    view = evaluation_view(of(content), content)
    assert lead_sentence(view) == "balanced accuracy on the validation part"


def test_a_loss_is_never_read_first(table_report: ReportContent) -> None:
    assert table_report.training is not None
    assert table_report.training.metric == "loss"
    assert evaluation_view(of(table_report), table_report).headline == "r2"


def test_the_most_frequent_confusions_come_first_with_their_share() -> None:
    counts = np.array([[8, 2, 0], [0, 5, 0], [3, 0, 1]])
    assert most_confused(counts, ("a", "b", "c")) == (Confusion("c", "a", 3, 0.75), Confusion("a", "b", 2, 0.2))


def test_counts_of_classes_and_parts_add_up(picture_report: ReportContent) -> None:
    data = replace(picture_report.data, counts={"train": (5, 6), "test": (1, 2)})
    assert count_rows(data, ("a", "b")) == [("a", (5, 1), 6), ("b", (6, 2), 8)]


def test_a_regression_has_one_row_of_counts(table_report: ReportContent) -> None:
    assert count_rows(table_report.data, ()) == [("income", (9000, 2000, 2600), 13600)]


def test_values_that_are_not_finite_are_left_out_of_the_scatter(table_report: ReportContent) -> None:
    some, none = np.array([1.0, 2.0, 3.0]), np.full(3, np.nan)
    wild = np.array([1.0, math.inf, math.nan])
    assert len(evaluation_view(replace(of(table_report), truth=some, predicted=wild), table_report).scatters) == 2
    assert evaluation_view(replace(of(table_report), truth=some, predicted=none), table_report).scatters == ()


def test_a_training_of_no_epoch_has_no_curves(picture_report: ReportContent) -> None:
    assert picture_report.training is not None
    assert training_view(replace(picture_report.training, history=())).curves == ()
