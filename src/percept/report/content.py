"""What the report says, as plain data: the workflow fills these records from a run, the page draws them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from percept.nn.inspection import Inspection

Score = tuple[float, float, float]
"""A figure and the two ends of its 95 % interval: (value, low, high); nan where it is not defined."""

Picture = bytes | NDArray[np.uint8]
"""A whole PNG, JPEG or WebP file as bytes, or (height, width), (height, width, 1) or (height, width, 3) uint8."""


@dataclass(frozen=True)
class Remark:
    """One finding of the audit.

    Attributes:
        text: one sentence.
        severity: how grave it is.
        files: the files or rows it is about; the page names the first few.
    """

    text: str
    severity: Literal["error", "warning", "note"] = "note"
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """A picture of the sample grid with the label it bears."""

    label: str
    picture: Picture


@dataclass(frozen=True)
class Column:
    """A feature column of a table.

    Attributes:
        name: the column's name.
        kind: what it holds, such as "numeric" or "categorical".
        missing: how many of its cells are empty.
        summary: its values in a few words, such as "median 37, from 17 to 90" or "9 values, most often Private".
    """

    name: str
    kind: str
    missing: int = 0
    summary: str = ""


@dataclass(frozen=True)
class Augmented:
    """What augmentation makes of training pictures.

    Attributes:
        words: what was asked for and what it came to.
        sheet: each picture as it is, then augmented versions of it.
    """

    words: str
    sheet: Picture


@dataclass(frozen=True)
class DataSummary:
    """The data set behind the run.

    Attributes:
        name: the data set's short name.
        kind: pictures, pictures with masks, or rows of a table.
        target: what is predicted, a column's name or "class".
        counts: part to samples of each class, in the order of `ReportContent.classes`; one number for regression; for
            masks the pixels of each class.
        notes: sentences on how the source was understood and split.
        findings: what the audit found.
        samples: a few pictures; empty for tables.
        columns: the feature columns; empty for pictures.
        augmented: what augmentation makes of a few training pictures; None where nothing happens to them.
        sealed: how many samples the test part has, where `counts` tells pixels; None where it tells samples.
    """

    name: str
    kind: Literal["image", "masks", "table"]
    target: str
    counts: Mapping[str, tuple[int, ...]]
    notes: tuple[str, ...] = ()
    findings: tuple[Remark, ...] = ()
    samples: tuple[Sample, ...] = ()
    columns: tuple[Column, ...] = ()
    augmented: Augmented | None = None
    sealed: int | None = None


@dataclass(frozen=True)
class EpochRow:
    """One line of the history.

    Attributes:
        epoch: counted from 1.
        train_loss: mean loss over the training samples.
        validation_loss: mean loss over the validation samples; None where there are none.
        metrics: validation metrics by name.
    """

    epoch: int
    train_loss: float
    validation_loss: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class RateRange:
    """What a learning-rate range test measured.

    Attributes:
        rates: the learning rate of each step.
        losses: the loss of each step's batch.
        smoothed: their running average.
        suggested: the rate that was taken; None where the loss never fell.
        sentence: what was found.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggested: float | None
    sentence: str


@dataclass(frozen=True)
class Training:
    """How the network was trained.

    Attributes:
        history: every epoch, in order.
        chosen_epoch: the epoch whose weights were kept.
        metric: the metric that chose it, such as "accuracy" or "loss".
        health: sentences on what went wrong or looked odd while training.
        model: the network in a few words, such as "lenet, 61,706 weights".
        signal: one sentence on how signals and gradients change through the network's depth.
        fit: one sentence on what the curves say, and what to try next.
        rates: the range test that chose the learning rate; None where there was none.
    """

    history: tuple[EpochRow, ...]
    chosen_epoch: int
    metric: str
    health: tuple[str, ...] = ()
    model: str = ""
    signal: str = ""
    fit: str = ""
    rates: RateRange | None = None


@dataclass(frozen=True)
class Mistake:
    """A sample that the network got wrong.

    Attributes:
        shown: its picture, or the row of a table in words; "" where the data are gone.
        truth: the true class, or the true value as text.
        predicted: the predicted class, or the predicted value as text.
        probability: the probability given to the predicted class; None for regression.
        key: the file or row number; the page counts where there is none.
    """

    shown: Picture | str
    truth: str
    predicted: str
    probability: float | None = None
    key: str = ""


@dataclass(frozen=True)
class Overlay:
    """A picture with its true and its predicted classes laid over it.

    Attributes:
        key: its file.
        picture: as it is.
        truth: the true classes over it.
        predicted: the predicted classes over it.
        words: its figures, such as "mean IoU 0.71".
    """

    key: str
    picture: Picture
    truth: Picture
    predicted: Picture
    words: str


@dataclass(frozen=True)
class Look:
    """A picture, and where the network looked in it.

    Attributes:
        key: its file.
        truth: the true class.
        predicted: the predicted class.
        probability: the probability given to the predicted class.
        picture: as the network takes it.
        maps: a class, and the picture with what speaks for that class laid over it: of the predicted class, and of the
            true one where that is another.
    """

    key: str
    truth: str
    predicted: str
    probability: float
    picture: Picture
    maps: tuple[tuple[str, Picture], ...]

    @property
    def right(self) -> bool:
        """Return whether the prediction is the truth."""
        return self.truth == self.predicted


@dataclass(frozen=True)
class CalibrationBin:
    """The predictions of similar confidence.

    Attributes:
        confidence: their mean probability, in [0, 1].
        accuracy: the share of them that are right, in [0, 1].
        count: how many they are; bins of 0 are not drawn.
        low: lower limit of the accuracy's 95 % interval; nan where it is not known.
        high: its upper limit.
    """

    confidence: float
    accuracy: float
    count: int
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Abstention:
    """What answering only at or above a probability brings.

    Attributes:
        target: the share of wrong answers that was aimed at on the validation part, in (0, 1).
        threshold: the least probability at which to answer; None where none keeps to the target.
        coverage: the share of samples that is answered.
        error: the share of these answers that is wrong.
    """

    target: float
    threshold: float | None
    coverage: Score
    error: Score


@dataclass(frozen=True)
class Suspect:
    """A sample whose label may be wrong.

    Attributes:
        shown: its picture, or the row of a table in words; "" where the data are gone.
        label: the class that it bears.
        predicted: the class that the network gives it.
        probability: the probability of that class.
        of_label: the probability of the class that it bears.
        key: the file or row number.
    """

    shown: Picture | str
    label: str
    predicted: str
    probability: float
    of_label: float
    key: str


@dataclass(frozen=True)
class LabelCheck:
    """The labels that the trained network contradicts with confidence.

    Attributes:
        suspects: the most suspicious first, not all of them where they are many.
        found: how many there are.
        looked_at: of how many samples, none of which the network learned from.
    """

    suspects: tuple[Suspect, ...]
    found: int
    looked_at: int


@dataclass(frozen=True)
class Baseline:
    """What a simple method reaches on the same samples; `scores` as in `Evaluation`."""

    name: str
    scores: Mapping[str, Score]
    note: str = ""


@dataclass(frozen=True)
class Evaluation:
    """What the network reaches on one part of the data.

    Attributes:
        part: "validation" or "test".
        samples: how many samples the part has.
        scores: metric to figure, the most telling first; the recall of a class is named "recall[rose]".
        method: one sentence on how the intervals were found.
        baselines: simple methods on the same samples.
        verdict: one sentence on whether the network earned its place.
        confusion: (classes, classes) counts, a row for each true class; None for regression.
        mistakes: the worst ones first.
        calibration: bins of increasing confidence; empty for regression.
        calibration_error: the expected calibration error, in [0, 1]; None for regression.
        temperature: what the outputs are divided by for calibrated probabilities, fitted on the validation part; None
            for regression.
        calibrated: the bins with that temperature.
        calibrated_error: the expected calibration error with it.
        abstentions: what answering only when sure brings, for some errors aimed at.
        templates: what the linear baseline of pictures looks for, a picture a class.
        truth: (samples,) true values; None for classification.
        predicted: (samples,) predicted values; None for classification.
        out_of_fold: how the figures were found where they are of samples left out in turn; "" for a part of its own.
        said: sentences on several views of each picture, on dropout, and on answering only when sure.
        overlays: the worst pictures with masks first; empty where a sample has one answer.
        legend: class and color, as #rrggbb, of the overlays.
        looks: where the network looked in a few pictures of each class; empty where it makes no map of them.
        looked: how that was found, in a sentence.
    """

    part: Literal["validation", "test"]
    samples: int
    scores: Mapping[str, Score]
    method: str = ""
    baselines: tuple[Baseline, ...] = ()
    verdict: str = ""
    confusion: NDArray[np.int64] | None = None
    mistakes: tuple[Mistake, ...] = ()
    calibration: tuple[CalibrationBin, ...] = ()
    calibration_error: float | None = None
    temperature: float | None = None
    calibrated: tuple[CalibrationBin, ...] = ()
    calibrated_error: float | None = None
    abstentions: tuple[Abstention, ...] = ()
    templates: tuple[Sample, ...] = ()
    truth: NDArray[np.float64] | None = None
    predicted: NDArray[np.float64] | None = None
    out_of_fold: str = ""
    said: tuple[str, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    looks: tuple[Look, ...] = ()
    looked: str = ""


@dataclass(frozen=True)
class Tried:
    """One candidate of a selection.

    Attributes:
        params: what it sets, by name, as it is written.
        decay: its weight decay; None where candidates have none of their own.
        shape: what it sets beside the weight decay, in words.
        mean: its mean figure on the samples left out.
        error: the standard error of that mean.
        train: its mean figure on the samples that it learned from; None where that was not taken.
        folds: its figure on each split.
        restarts: the mean figure of each restart; empty for one alone.
    """

    params: Mapping[str, str]
    decay: float | None
    shape: str
    mean: float
    error: float
    train: float | None = None
    folds: tuple[float, ...] = ()
    restarts: tuple[float, ...] = ()


@dataclass(frozen=True)
class Selection:
    """How the network was chosen among candidates.

    Attributes:
        metric: what they were compared by.
        higher_is_better: which way is good.
        splits: on how many splits.
        networks: how many networks were trained for it.
        candidates: all of them.
        best: number of the chosen one.
        simplest: number of its one-standard-error neighbor.
        sentences: what is to be known of the choice.
        nested: the figure of the whole choice with its interval; None where it was not asked for.
    """

    metric: str
    higher_is_better: bool
    splits: int
    networks: int
    candidates: tuple[Tried, ...]
    best: int
    simplest: int
    sentences: tuple[str, ...] = ()
    nested: Score | None = None


@dataclass(frozen=True)
class Opening:
    """One opening of the test set, from the ledger.

    Attributes:
        number: 1 for the first.
        opened: when, as it is to be read.
        scores: what was found.
    """

    number: int
    opened: str
    scores: Mapping[str, Score] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportContent:
    """Everything that the report says.

    Attributes:
        title: the heading, such as "flowers".
        created: when the run ended, as it is to be read.
        summary: sentences that say the whole in short.
        run: the run folder as the user calls it, such as "runs/flowers"; named in the command that opens the test set.
        command: the command that made the run.
        seed: the seed of every random choice.
        versions: package to version.
        recipe: recipe.toml, every choice made.
        classes: class names in the order of every count; empty for regression.
        data: the data set.
        network: the network layer by layer; None where it cannot be followed.
        training: the training; None where nothing was trained.
        selection: how the network was chosen; None where there was one alone.
        validation: figures on the validation part; None where there is none.
        test: figures on the test part; None while it is sealed.
        openings: every opening of the test set.
        labels: the labels that may be wrong; None for regression.
    """

    title: str
    created: str
    summary: tuple[str, ...]
    run: str
    command: str
    seed: int
    versions: Mapping[str, str]
    recipe: str
    classes: tuple[str, ...]
    data: DataSummary
    network: Inspection | None = None
    training: Training | None = None
    selection: Selection | None = None
    validation: Evaluation | None = None
    test: Evaluation | None = None
    openings: tuple[Opening, ...] = ()
    labels: LabelCheck | None = None
