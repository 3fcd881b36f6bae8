"""How masks were understood, kept in the model file, so that predictions bear the same classes and colors."""

from dataclasses import asdict

from percept.data.masks.meaning import MaskMeaning, class_colors
from percept.data.masks.raw import Color
from percept.models.file import TrainedModel


def meaning_to_json(meaning: MaskMeaning) -> dict[str, object]:
    """Return how masks were understood as JSON values."""
    return {**asdict(meaning), "colors": [list(color) for color in meaning.colors]}


def colors_of(model: TrainedModel) -> tuple[Color, ...]:
    """Return the (red, green, blue) of each class of a segmenter."""
    kept = model.metadata.get("masks")
    if not isinstance(kept, dict):  # a segmenter that learned from no masks
        return class_colors(len(model.classes))
    return tuple((int(red), int(green), int(blue)) for red, green, blue in kept["colors"])
