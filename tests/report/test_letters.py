import numpy as np
import pytest
from PIL import Image, ImageDraw

from percept.report.letters import letters


def drawn(text: str) -> bytes:
    sheet = Image.new("L", (40, 40))
    ImageDraw.Draw(sheet).text((5, 5), text, fill=255, font=letters(20))
    assert np.asarray(sheet).any()
    return sheet.tobytes()


@pytest.mark.parametrize("letter", "üßéłžΩЖ")
def test_a_letter_of_another_language_is_no_box(letter: str) -> None:
    assert drawn(letter) != drawn("\ue000")  # which no font has: the box in its place
