"""What a report and a model file say of calibration, abstention and labels is told of the right samples."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from percept.data.preprocessing import ImagePreprocessing
from percept.evaluation.temperature import with_temperature
from percept.models.building import build
from percept.models.file import TrainedModel, load_model, save_model
from percept.workflow.assess import Predictions
from percept.workflow.trust import check_labels, trust, trust_metadata


def predictions(count: int, seed: int) -> Predictions:
    """Return predictions that are twice as sure as they should be."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.full(3, 0.5), count)
    truth = np.array([random.choice(3, p=row) for row in honest])
    return Predictions(tuple(map(str, range(count))), truth, with_temperature(honest, 0.5))


def test_temperature_and_thresholds_of_the_test_part_come_from_validation() -> None:
    validation, test = predictions(2000, 0), predictions(1500, 1)
    known, found = trust(validation, validation), trust(test, validation)
    assert known["temperature"] == found["temperature"] == pytest.approx(2, rel=0.1)
    assert found["calibrated_error"] < found["calibration_error"] / 2
    for one, other in zip(known["abstentions"], found["abstentions"], strict=True):
        assert one.threshold == other.threshold
        if one.threshold is not None:
            assert one.error[0] <= one.target
            answered = test.scores.max(axis=1) >= one.threshold
            assert other.coverage[0] == pytest.approx(answered.mean())
            wrong = test.scores.argmax(axis=1) != test.truth
            assert other.error[0] == pytest.approx(wrong[answered].mean())


def test_an_error_that_no_threshold_keeps_to_has_none() -> None:
    scores = np.tile([[0.9, 0.1]], (20, 1))
    always = Predictions(tuple(map(str, range(20))), np.arange(20) % 2, scores)
    assert [each.threshold for each in trust(always, always)["abstentions"]] == [None] * 4
    assert "abstain_below" not in trust_metadata(always, 0.1)


def test_what_is_stored_comes_back_from_the_model_file_and_old_files_change_nothing(tmp_path: Path) -> None:
    stored = trust_metadata(predictions(2000, 0), 0.05)
    model = TrainedModel(
        network=build("linear", classes=3, inputs=12),
        architecture="linear",
        arguments={"classes": 3, "inputs": 12},
        task="classification",
        classes=("a", "b", "c"),
        target="class",
        target_scale=(0.0, 1.0),
        preprocessing=ImagePreprocessing(2, 2, 3, (0.5,) * 3, (0.5,) * 3, "stretch"),
        metadata=stored,
    )
    save_model(tmp_path / "new.safetensors", model)
    save_model(tmp_path / "old.safetensors", replace(model, metadata={"epoch": 3}))
    new, old = load_model(tmp_path / "new.safetensors"), load_model(tmp_path / "old.safetensors")
    assert (new.temperature, new.abstain_below) == (stored["temperature"], stored["abstain_below"])
    assert 0.5 < new.abstain_below < 1
    assert (old.temperature, old.abstain_below) == (1.0, 0.0)


def test_suspects_are_shown_in_order_with_both_probabilities() -> None:
    first = np.array([0.9, 0.6, 0.3, 0.2, 0.3, 0.85])
    found = Predictions(tuple("abcdef"), np.array([0, 0, 0, 1, 1, 1]), np.stack([first, 1 - first], axis=1))
    check = check_labels(found, ("ant", "bee"), lambda key: f"picture {key}")
    assert (check.found, check.looked_at) == (2, 6)
    assert [(one.key, one.label, one.predicted) for one in check.suspects] == [("f", "bee", "ant"), ("c", "ant", "bee")]
    assert check.suspects[0].shown == "picture f"
    assert (check.suspects[0].probability, check.suspects[0].of_label) == pytest.approx((0.85, 0.15))
