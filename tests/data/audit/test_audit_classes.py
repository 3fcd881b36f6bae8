"""Class counts: every case is laid out by hand."""

import numpy as np
import pandas as pd

from percept.data.audit.classes import audit_classes
from percept.data.audit.finding import Finding
from percept.data.dataset import Dataset, Table, Target


def labelled(counts: dict[str, int], given: list[str] | None = None) -> Dataset:
    labels = np.repeat(np.arange(len(counts)), list(counts.values()))
    return Dataset(
        name="made",
        samples=Table(pd.DataFrame({"x": np.arange(len(labels), dtype=np.float64)})),
        target=Target("classification", labels, tuple(counts)),
        keys=tuple(map(str, range(len(labels)))),
        given=np.array(given or [""] * len(labels)),
    )


def found(dataset: Dataset) -> dict[str, Finding]:
    return {finding.kind: finding for finding in audit_classes(dataset)}


def test_large_equal_classes_are_only_counted() -> None:
    findings = found(labelled({"rose": 30, "tulip": 40}))
    assert list(findings) == ["class_counts"]
    assert findings["class_counts"].text == "70 samples of 2 classes: rose 30, tulip 40"


def test_many_classes_are_summed_up_by_the_smallest_and_the_largest() -> None:
    findings = found(labelled({f"c{number}": 20 + number for number in range(30)}))
    assert findings["class_counts"].text.endswith("of 30 classes: from 20 (c0) to 49 (c29)")


def test_a_class_that_cannot_stand_in_all_three_parts_is_an_error() -> None:
    findings = found(labelled({"rose": 30, "tulip": 2}))
    error = findings["classes_below_split"]
    assert (error.severity, error.files, error.count) == ("error", ("tulip",), 1)
    assert "--test none" in error.text


def test_a_class_needs_no_sample_for_a_part_that_the_user_gave() -> None:
    given = [*["train"] * 30, *["train"] * 2, *["test"] * 4]
    dataset = labelled({"rose": 30, "tulip": 6}, given)
    assert "classes_below_split" not in found(dataset)
    alone = labelled({"rose": 30, "tulip": 6}, [*["train"] * 30, "train", *["test"] * 5])
    assert "--test none" not in found(alone)["classes_below_split"].text


def test_a_class_below_twenty_samples_is_a_warning() -> None:
    findings = found(labelled({"rose": 20, "tulip": 19}))
    assert (findings["small_classes"].severity, findings["small_classes"].files) == ("warning", ("tulip",))


def test_imbalance_is_said_beyond_ten_to_one() -> None:
    assert "unequal_classes" not in found(labelled({"rose": 300, "tulip": 30}))
    findings = found(labelled({"rose": 330, "tulip": 30}))
    assert findings["unequal_classes"].files == ("tulip",)
    assert "rose has 11 times the samples of tulip" in findings["unequal_classes"].text


def test_a_class_missing_from_the_users_test_part_is_a_warning_and_from_the_train_part_an_error() -> None:
    given = [*["train"] * 30, *["test"] * 20, *["train"] * 30]
    findings = found(labelled({"rose": 50, "tulip": 30}, given))
    assert findings["classes_absent_from_part"].text.startswith("the test part has no sample of 1 class")
    apart = audit_classes(labelled({"rose": 50, "tulip": 30}, [*["train"] * 50, *["test"] * 30]))
    assert {(each.severity, each.files) for each in apart if each.kind == "classes_absent_from_part"} == {
        ("error", ("tulip",)),
        ("warning", ("rose",)),
    }


def test_regression_has_no_classes() -> None:
    dataset = Dataset(
        "made", Table(pd.DataFrame({"x": [1.0]})), Target("regression", np.array([1.5])), ("0",), np.array([""])
    )
    assert found(dataset) == {}
