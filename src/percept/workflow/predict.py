"""Predictions of new samples, row by row: what `percept predict` prints or writes."""

import csv
import io
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from percept.data.columns import TablePreprocessing
from percept.data.headers import SKIP_ADVICE
from percept.data.new_rows import stream_features
from percept.devices import using_threads
from percept.errors import DataError, PerceptWarning
from percept.evaluation.augmented import views_named
from percept.evaluation.uncertainty import has_dropout
from percept.files import replacing
from percept.workflow.activation import ActivationFiles
from percept.workflow.load import CHUNK, Predictor, load, unknown_sentences
from percept.workflow.picture_files import folder_of, picture_paths
from percept.workflow.predict_masks import mask_folder, write_masks
from percept.workflow.predict_options import PredictOptions, gives_masks
from percept.workflow.views import asked_to, doubt

Row = dict[str, object]
PREDICTIONS = "predictions.csv"  # beside pictures of where the network looked


def predict(
    run: str | Path,
    samples: Any,
    *,
    out: str | Path | None = None,
    probabilities: bool = False,
    tta: str | None = None,
    abstain: float | None = None,
    activation: bool = False,
    count: str | None = None,
    threshold: float | None = None,
    distance: float | None = None,
    skip_unreadable: bool = False,
    memory: str | None = None,
    resume: bool = False,
    device: str | None = None,
    threads: int | None = None,
    progress: Callable[[float, int], None] | None = None,
) -> list[Row] | Path:
    """Predict new samples with a trained model, into a CSV file or as a list of rows; masks into a folder.

    Args:
        run: run folder or model file.
        samples: path or paths of pictures, folders of pictures, or one table; for masks .npy files and slides too.
        out: CSV file to write, row after row; None returns the rows. For a class at every pixel the folder of the
            masks, STEM.png with an overlay beside each; STEM.tif for a picture too large for memory.
        probabilities: whether to give the probability of each class, for masks as STEM_probabilities.npy.
        tta: views of each picture whose mean answer counts, such as "horizontal,crops"; None for those that the model
            was fitted with, "none" for the picture as it is.
        abstain: share of wrong answers to keep to, by being sure enough; None for the model's own, if it has one.
        activation: whether to draw where the network looked in each picture; `out` is then the folder of these,
            STEM_activation.png, and of predictions.csv.
        count: for a class at every pixel, the class whose objects are counted: STEM_points.csv (row, column and
            probability of each) and STEM_points.png, the picture with them marked; None for none.
        threshold: probability that an object reaches, above 0 and at most 1; None for 0.5.
        distance: pixels that two objects are apart at least, along the rows or the columns; None for half of the patch
            that the model classifies.
        skip_unreadable: whether to go on without pictures that cannot be read.
        memory: for masks, what a picture may take, such as "500MB"; a larger one is read and written part by part, and
            a killed run of it gone on with. None for "1GB".
        resume: for masks, whether pictures that have theirs are left as they are.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        threads: threads of the CPU.
        progress: for masks, told how many pictures are done, parts of one included, and of how many.

    Returns:
        The CSV file or the folder, or rows of `file` (for a table `row`, counted from 1), `prediction`, for classes
        `probability`, for a model that abstains `sure`, "yes" or "no", and with `tta`, where the network has dropout,
        `uncertainty`: the mutual information of passes with dropout on, nats.

    Raises:
        DataError: a sample cannot be read or does not fit the model.
        OptionError: something is asked for that the model cannot give, or a file is there already.

    Source: notes §3.6.4 (heatmaps); Zhou et al. 2016 and Selvaraju et al. 2017 (where the network looked).
    """
    paths = [samples] if isinstance(samples, str | Path) else samples
    if not isinstance(paths, list | tuple) or not all(isinstance(path, str | Path) for path in paths):
        raise DataError("predict takes paths; for arrays and data frames: percept.load(run).predict(samples)")
    named = [Path(path) for path in paths]
    options = PredictOptions(
        probabilities=probabilities,
        tta=tta,
        abstain=abstain,
        activation=activation,
        count=count,
        threshold=threshold,
        distance=distance,
        skip_unreadable=skip_unreadable,
        memory=memory,
        resume=resume,
        device=device,
        threads=threads,
    )
    predictor = asked_of_run(run, options)
    if gives_masks(predictor.model):
        write_masks(predictor.model, named, out, options, say=_warn, progress=progress)
        return mask_folder(out)
    folder = activation_folder(out) if activation else None
    rows = predict_rows(predictor, named, options, folder, say=_warn)
    if out is None:
        return list(rows)
    write_predictions_csv(rows, Path(out) if folder is None else folder / PREDICTIONS)
    return Path(out)


def asked_of_run(run: str | Path, options: PredictOptions) -> Predictor:
    """Return a run's model as it is asked, after refusing what it cannot give.

    Args:
        run: run folder or model file.
        options: what is asked for.

    Raises:
        OptionError: the model cannot give that.
    """
    predictor = load(run, device=options.device or "auto")
    options.check(predictor.model)
    return asked_to(predictor, run, options.tta, options.abstain)


def activation_folder(out: str | Path | None) -> Path:
    """Return the folder of pictures of where the network looked, and of the predictions.

    Raises:
        OptionError: none is named, or a file is.
    """
    return folder_of(out, "--activation draws a picture of each", "pictures")


def _warn(text: str) -> None:
    warnings.warn(text, PerceptWarning, stacklevel=3)


def predict_rows(
    predictor: Predictor,
    samples: Sequence[Path],
    options: PredictOptions,
    activation: Path | None = None,
    *,
    say: Callable[[str], None],
) -> Iterator[Row]:
    """Yield one row a sample, in bounded memory; see `predict`.

    Args:
        predictor: a model of one answer a sample, asked as `options` say.
        samples: pictures, folders of pictures, or one table.
        options: what is asked for.
        activation: folder of pictures of where the network looked; None for none.
        say: told what the user should know, such as categories never seen in training.
    """
    with using_threads(options.threads):
        if predictor.tta:
            views = len(views_named(predictor.tta))
            say(f"{views} views of each picture are predicted, which takes about {views} times as long as one")
        if isinstance(predictor.model.preprocessing, TablePreprocessing):
            yield from _table_rows(predictor, predictor.model.preprocessing, samples, options.probabilities, say)
        else:
            paths = picture_paths(samples)
            files = None if activation is None else ActivationFiles.of(predictor, paths, activation)
            yield from _picture_rows(predictor, paths, options, say, files)


def _picture_rows(
    predictor: Predictor,
    paths: list[Path],
    options: PredictOptions,
    say: Callable[[str], None],
    activations: ActivationFiles | None,
) -> Iterator[Row]:
    left, ready = 0, predictor.ready_for(len(paths))
    doubted = bool(predictor.tta) and has_dropout(predictor.model.network)
    for start in range(0, len(paths), CHUNK):
        names, pictures = [], []
        for path in paths[start : start + CHUNK]:
            try:
                pictures.append(predictor.read_one(path))
                names.append(path)
            except DataError as error:
                if not options.skip_unreadable:
                    raise
                left += 1
                say(f"left out: {str(error).removesuffix(SKIP_ADVICE)}")
        if pictures:
            pixels = np.stack(pictures)
            scores = ready.picture_scores(pixels)
            if activations is not None:
                activations.write(names, pixels, scores)
            rows = _rows("file", [str(name) for name in names], scores, predictor, options.probabilities)
            yield from _with_doubt(rows, pixels, predictor) if doubted else rows
    if left and left == len(paths):
        raise DataError(f"no picture of {left} can be read; give at least one that can")


def _table_rows(
    predictor: Predictor,
    preprocessing: TablePreprocessing,
    samples: Sequence[Path],
    all_classes: bool,
    say: Callable[[str], None],
) -> Iterator[Row]:
    if len(samples) != 1 or samples[0].is_dir():
        raise DataError(f"the model takes one table with the target {predictor.model.target!r} left out; give one file")
    unknown: Counter[str] = Counter()
    start = 1  # as rows are counted in splits.csv and in every error
    for frame in stream_features(samples[0], preprocessing, target=predictor.model.target):
        unknown.update(preprocessing.unknown(frame))
        numbers = range(start, start + len(frame))
        start += len(frame)
        yield from _rows("row", numbers, predictor.table_scores(frame), predictor, all_classes)
    for sentence in unknown_sentences(unknown):
        say(sentence)


def _with_doubt(rows: Iterator[Row], pixels: NDArray[np.uint8], predictor: Predictor) -> Iterator[Row]:
    """Yield rows with how far passes with dropout on differ."""
    found = doubt(predictor.model, pixels, np.arange(len(pixels)), predictor.device, seed=0)
    for row, value in zip(rows, found.mutual_information, strict=True):
        yield {**row, "uncertainty": float(value)}


def _rows(
    key: str, names: Sequence[object], scores: NDArray[np.float64], predictor: Predictor, all_classes: bool
) -> Iterator[Row]:
    classes, least = predictor.classes, predictor.model.abstain_below
    for name, score in zip(names, scores, strict=True):
        if not classes:
            yield {key: name, "prediction": float(score)}
            continue
        best = int(score.argmax())
        row: Row = {key: name, "prediction": classes[best], "probability": float(score[best])}
        if least:
            row["sure"] = "yes" if score[best] >= least else "no"
        if all_classes:
            row |= {f"probability of {each}": float(value) for each, value in zip(classes, score, strict=True)}
        yield row


def write_predictions_csv(rows: Iterator[Row], path: Path) -> int:
    """Write rows to a CSV file as they come, whole or not at all, and return how many there were."""
    count = 0
    first = list(islice(rows, 1))  # what is refused before the first of them leaves no file and no folder
    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", errors="surrogateescape")
        writer: Any = None
        for row in chain(first, rows):
            if writer is None:
                writer = csv.DictWriter(text, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
            count += 1
        text.flush()
        text.detach()
    return count
