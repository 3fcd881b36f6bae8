"""What may be asked of predictions, as one record from the command and from Python to the files."""

from dataclasses import dataclass

from percept.data.pixel_preprocessing import PixelPreprocessing
from percept.errors import OptionError
from percept.models.file import TrainedModel
from percept.workflow.views import check_pictures

MASKS = ("count", "threshold", "distance", "memory", "resume")
"""What only a class for every pixel has."""


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """What is asked of predictions; see `percept.predict` for what each means.

    Attributes:
        probabilities: the probability of each class.
        tta: views of each picture; None for the model's own, "none" for the picture as it is.
        abstain: share of wrong answers to keep to; None for the model's own.
        activation: pictures of where the network looked.
        count: class whose objects are counted; None for none.
        threshold: probability that an object reaches; None for 0.5.
        distance: pixels that two objects are apart at least; None for half of the patch.
        skip_unreadable: going on without pictures that cannot be read.
        memory: what a picture with a mask may take; None for "1GB".
        resume: leaving pictures as they are that have their masks.
        device: where to compute; None for what is there.
        threads: threads of the CPU; None for all.
    """

    probabilities: bool = False
    tta: str | None = None
    abstain: float | None = None
    activation: bool = False
    count: str | None = None
    threshold: float | None = None
    distance: float | None = None
    skip_unreadable: bool = False
    memory: str | None = None
    resume: bool = False
    device: str | None = None
    threads: int | None = None

    def check(self, model: TrainedModel) -> None:
        """Refuse what the model cannot give, rather than leave it out in silence; views are refused by `views_of`.

        Args:
            model: that predicts.

        Raises:
            OptionError: something is asked for that goes with masks alone, or with one answer a sample alone.
        """
        if gives_masks(model):
            if self.abstain is not None:
                check_pictures("--abstain", model)
        else:
            usual = PredictOptions()
            for name in MASKS:
                if getattr(self, name) != getattr(usual, name):
                    raise OptionError(
                        f"--{name} is for models that give a class for every pixel, and this one gives one answer a"
                        " sample; leave it out (percept densify makes one of a classifier of pictures)"
                    )
        if self.activation:
            check_pictures("--activation", model)


def gives_masks(model: TrainedModel) -> bool:
    """Tell whether a model gives a class for every pixel.

    Args:
        model: a trained one.
    """
    return isinstance(model.preprocessing, PixelPreprocessing)
