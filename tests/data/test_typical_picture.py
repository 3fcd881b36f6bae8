from pathlib import Path

import numpy as np
from PIL import Image

from percept.data.typical_picture import typical_picture


def test_the_median_size_and_color_where_one_is_colored(tmp_path: Path) -> None:
    paths = []
    for row, (height, width) in enumerate([(4, 9), (6, 3), (8, 5)]):
        paths.append(tmp_path / f"{row}.png")
        Image.fromarray(np.zeros((height, width), np.uint8)).save(paths[-1])
    assert (typical_picture(paths).size, typical_picture(paths).channels) == ((6, 5), 1)
    Image.fromarray(np.zeros((8, 5, 3), np.uint8)).save(paths[-1])
    assert typical_picture(paths).channels == 3
    assert typical_picture([*paths, tmp_path / "none.png"]) == typical_picture(paths)


def test_twelve_bits_in_sixteen_have_their_own_white(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 4000, np.uint16)).save(tmp_path / "deep.png")
    assert typical_picture([tmp_path / "deep.png"]).white == 4095
