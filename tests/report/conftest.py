"""Reports of made-up runs: one of pictures, one of a table."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from percept.report.content import (
    Baseline,
    CalibrationBin,
    Column,
    DataSummary,
    EpochRow,
    Evaluation,
    Look,
    Mistake,
    Opening,
    Remark,
    ReportContent,
    Sample,
    Score,
    Training,
)

RECIPE = """format = 1
seed = 0

[model]
name = "small_resnet"
width = 32

[training]
epochs = 30
learning_rate = 0.001
"""


def disc(seed: int, side: int = 28) -> NDArray[np.uint8]:
    """Return a grey picture, (side, side) uint8, of a disc somewhere."""
    random = np.random.default_rng(seed)
    row, column = random.uniform(0.3, 0.7, 2) * side
    rows, columns = np.ogrid[:side, :side]
    inside = (rows - row) ** 2 + (columns - column) ** 2 < (side / random.uniform(3, 6)) ** 2
    picture: NDArray[np.uint8] = (inside * 200 + random.integers(0, 40, (side, side))).astype(np.uint8)
    return picture


def photo(seed: int) -> NDArray[np.uint8]:
    """Return a smooth colored picture, (180, 240, 3) uint8."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:180, :240] / 180
    waves = [np.sin(x * random.uniform(2, 9) + y * random.uniform(2, 9) + seed) for _ in range(3)]
    return (127 + 120 * np.stack(waves, axis=-1)).astype(np.uint8)


def history(epochs: int) -> tuple[EpochRow, ...]:
    """Return a history that overfits after two thirds of the epochs."""
    return tuple(
        EpochRow(
            epoch=epoch,
            train_loss=2.2 * float(np.exp(-epoch / 5)) + 0.02,
            validation_loss=2.2 * float(np.exp(-epoch / 5)) + 0.05 + 0.004 * max(0, epoch - epochs * 2 // 3),
            metrics={"accuracy": 1 - 0.8 * float(np.exp(-epoch / 4)) - 0.03},
        )
        for epoch in range(1, epochs + 1)
    )


def confusion(count: int, each: int = 40) -> NDArray[np.int64]:
    """Return a confusion matrix of so many classes with about 4 % confused."""
    random = np.random.default_rng(0)
    matrix = np.zeros((count, count), np.int64)
    for row in range(count):
        wrong = random.integers(0, count, each // 10)
        np.add.at(matrix[row], wrong, 1)
        matrix[row, row] += each - len(wrong)
    return matrix


def classification(part: str, classes: Sequence[str]) -> Evaluation:
    """Return the figures of a good classifier."""
    matrix = confusion(len(classes))
    recall = np.diag(matrix) / matrix.sum(axis=1)
    scores: dict[str, Score] = {
        "accuracy": (0.9611, 0.9389, 0.9778),
        "balanced_accuracy": (0.9604, 0.9371, 0.9772),
        "auroc": (0.9981, 0.9962, 0.9994),
        "log_loss": (0.1342, 0.0991, 0.1784),
    }
    for name, value in zip(classes, recall, strict=True):
        scores[f"recall[{name}]"] = (float(value), float(max(value - 0.1, 0)), float(min(value + 0.05, 1)))
    return Evaluation(
        part="test" if part == "test" else "validation",
        samples=int(matrix.sum()),
        scores=scores,
        method="Intervals: percentile bootstrap over samples, 1,000 draws, seed 0.",
        baselines=(
            Baseline("majority", {"accuracy": (0.1, 0.08, 0.13), "balanced_accuracy": (0.1, 0.1, 0.1)}),
            Baseline("k-nearest neighbors", {"accuracy": (0.94, 0.92, 0.96)}, note="k = 5, all 1,257 rows"),
            Baseline("linear", {"accuracy": (0.93, 0.90, 0.95), "log_loss": (0.23, 0.18, 0.29)}),
        ),
        verdict="The network earned its place: its accuracy is 0.021 above k-nearest neighbors (0.004 to 0.038).",
        confusion=matrix,
        mistakes=tuple(
            Mistake(disc(50 + place), classes[0], classes[1], 0.999 - place / 20, f"{classes[0]}/img{place:03}.png")
            for place in range(8)
        ),
        looks=(
            Look("one.png", classes[0], classes[0], 0.9, disc(1), ((classes[0], photo(1)),)),
            Look("two.png", classes[1], classes[0], 0.8, disc(2), ((classes[0], photo(2)), (classes[1], photo(3)))),
        ),
        looked="The network's score for a class is the mean of what the 4 x 4 places of its last map say for it.",
        calibration=tuple(CalibrationBin(x, max(0.0, x - 0.05), int(20 * 9**x)) for x in np.linspace(0.3, 0.98, 8)),
        calibration_error=0.0312,
    )


@pytest.fixture(scope="session")
def picture_report() -> ReportContent:
    """A classifier of pictures whose test set has been opened twice."""
    return make_picture_report()


@pytest.fixture(scope="session")
def table_report() -> ReportContent:
    """A regression on a table whose test set is sealed."""
    return make_table_report()


def make_picture_report(classes: Sequence[str] = tuple("0123456789"), photos: bool = False) -> ReportContent:
    """Return the report of a classifier of pictures whose test set has been opened twice."""
    return ReportContent(
        title="digits",
        created="2026-03-01 14:05",
        summary=(
            "A small residual network tells 10 classes of 8x8 pictures apart.",
            "It was trained for 30 epochs in 41 seconds.",
        ),
        run="runs/digits",
        command="percept fit digits --seed 0",
        seed=0,
        versions={"percept": "0.1.0", "torch": "2.13.0", "numpy": "2.4.6", "python": "3.11.9"},
        recipe=RECIPE,
        classes=tuple(classes),
        data=DataSummary(
            name="digits",
            kind="image",
            target="class",
            counts={name: (each,) * len(classes) for name, each in (("train", 117), ("validation", 27), ("test", 36))},
            notes=("1,797 pictures of 8x8 pixels, grey.", "The test set was cut by percept, stratified by class."),
            findings=(
                Remark("3 pictures cannot be read and were left out.", "error", ("a/one.jpg", "b/two.jpg")),
                Remark("12 pictures are copies of others.", "warning", tuple(f"7/copy{n}.png" for n in range(12))),
                Remark("All pictures have one size."),
            ),
            samples=tuple(Sample(classes[n % len(classes)], photo(n) if photos else disc(n, 8)) for n in range(20)),
        ),
        training=Training(history(30), 21, "accuracy", ("The loss rose in epoch 7.",), "small_resnet, 272,474 weights"),
        validation=classification("validation", classes),
        test=classification("test", classes),
        openings=(
            Opening(1, "2026-03-01 14:10", {"accuracy": (0.9611, 0.9389, 0.9778)}),
            Opening(2, "2026-03-02 09:00"),
        ),
    )


def make_table_report() -> ReportContent:
    """Return the report of a regression on a table whose test set is sealed."""
    random = np.random.default_rng(0)
    truth = random.gamma(4, 6000, 2000)
    predicted = truth * random.normal(1, 0.15, 2000)
    scores: dict[str, Score] = {"r2": (0.83, 0.79, 0.86), "rmse": (4123.4, 3890.1, 4400.0), "mae": (2801, 2700, 2905)}
    values = "age=39, workclass=State-gov, education=Bachelors, occupation=Adm-clerical, hours=40, country=Peru"
    return ReportContent(
        title="income.csv",
        created="2026-03-01 14:05",
        summary=("A network of two hidden layers predicts income from 12 columns.",),
        run="runs/income",
        command="percept fit income.csv --target income",
        seed=0,
        versions={"percept": "0.1.0", "torch": "2.13.0"},
        recipe=RECIPE,
        classes=(),
        data=DataSummary(
            name="income",
            kind="table",
            target="income",
            counts={"train": (9000,), "validation": (2000,), "test": (2600,)},
            notes=("The file has a header; 42 rows with repeated features were kept on one side.",),
            columns=tuple(
                Column(f"c{n}", "numeric" if n % 3 else "categorical", n * 7, "median 37, from 17 to 90")
                for n in range(12)
            ),
        ),
        training=Training(history(80), 53, "loss", model="mlp, 18,433 weights"),
        validation=Evaluation(
            part="validation",
            samples=2000,
            scores=scores,
            baselines=(Baseline("mean", {"r2": (0.0, -0.001, 0.0)}), Baseline("linear", {"r2": (0.71, 0.66, 0.75)})),
            verdict="The network earned its place.",
            truth=truth,
            predicted=predicted,
            mistakes=tuple(Mistake(values, "52,000", "18,200", key=f"row {n}") for n in range(6)),
        ),
    )
