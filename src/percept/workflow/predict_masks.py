"""Masks of new samples: what `percept predict` writes where the model gives a class for every pixel."""

from collections.abc import Callable, Sequence
from pathlib import Path

from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.errors import OptionError
from percept.evaluation.pixel_scores import TILES
from percept.workflow.load import load
from percept.workflow.picture_files import folder_of, picture_paths
from percept.workflow.segmentation.counting import counting_of
from percept.workflow.segmentation.predict import PictureMask, Wanted, predict_masks
from percept.workflow.views import check_pictures, check_views


def gives_masks(run: str | Path) -> bool:
    """Tell whether a run's model gives a class for every pixel.

    Args:
        run: run folder or model file.
    """
    return isinstance(load(run, device="cpu").model.preprocessing, PixelPreprocessing)


def refuse_for_masks(run: str | Path, *, tta: str, activation: bool) -> None:
    """Refuse what goes with one answer a picture alone, where the model gives a class for every pixel.

    Args:
        run: run folder or model file.
        tta: names of views; "" for none.
        activation: whether pictures of where the network looked are asked for.

    Raises:
        OptionError: there is something of that.
    """
    if tta:
        check_views(tta, load(run, device="cpu").model)
    if activation:
        check_pictures("--activation", load(run, device="cpu").model)


def refuse_counting(run: str | Path, count: str | None, threshold: float | None, distance: float | None) -> None:
    """Refuse to count where the model gives one answer a sample.

    Args:
        run: run folder or model file.
        count: class to count; None for none.
        threshold: probability that an object reaches; None where none is given.
        distance: pixels that two objects are apart at least; None where none is given.

    Raises:
        OptionError: something of that is given.
    """
    if (count, threshold, distance) != (None, None, None):
        counting_of(load(run, device="cpu").model, count, threshold, distance)


def refuse_memory(memory: str | None, resume: bool) -> None:
    """Refuse what is for masks alone, where the model gives one answer a sample.

    Args:
        memory: what a picture may take; None where it is not asked for.
        resume: whether to go on.

    Raises:
        OptionError: there is something.
    """
    if memory is not None or resume:
        option = "--resume" if resume else "--memory"
        raise OptionError(f"{option} is for masks, and the model gives one answer a sample; leave it out")


def write_masks(
    run: str | Path,
    samples: Sequence[Path],
    out: str | Path | None,
    *,
    probabilities: bool = False,
    count: str | None = None,
    threshold: float | None = None,
    distance: float | None = None,
    skip_unreadable: bool = False,
    memory: str | None = None,
    resume: bool = False,
    device: str | None = None,
    threads: int | None = None,
    say: Callable[[str], None],
    progress: Callable[[float, int], None] | None = None,
) -> list[PictureMask]:
    """Write the classes of every pixel of pictures, each as STEM.png with an overlay beside it; see `predict`.

    Args:
        run: run folder or model file of a segmenter.
        samples: pictures, or folders of pictures.
        out: the folder of the masks.
        probabilities: whether STEM_probabilities.npy is written too.
        count: class whose objects are counted, into STEM_points.csv and STEM_points.png; None for none.
        threshold: probability that an object reaches.
        distance: pixels that two objects are apart at least.
        skip_unreadable: whether to go on without pictures that cannot be read.
        memory: what a picture may take; None for "1GB".
        resume: whether pictures that have their masks are left as they are.
        device: where to compute.
        threads: threads of the CPU.
        say: told of pictures that are left out.
        progress: told how many pictures are done, parts of one included, and of how many.
    """
    folder = mask_folder(out)
    model = load(run, device=device or "auto").model
    counting = counting_of(model, count, threshold, distance)
    wanted = Wanted(folder, probabilities=probabilities, counting=counting, memory=memory or TILES, resume=resume)
    return predict_masks(
        *(model, picture_paths(samples), wanted),
        device=device,
        threads=threads,
        skip_unreadable=skip_unreadable,
        say=say,
        progress=progress or (lambda done, total: None),
    )


def mask_folder(out: str | Path | None) -> Path:
    """Return the folder that masks go to.

    Raises:
        OptionError: none is named, or a file is.
    """
    return folder_of(out, "the model gives a class for every pixel", "masks")
