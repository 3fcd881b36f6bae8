"""The public names of percept.selection: what they take, and that they load on first use."""

import subprocess
import sys

import pytest

import percept
from percept import selection


def test_the_names_load_on_first_use_and_nothing_before() -> None:
    code = (
        "import sys, percept; folder = percept.selection; large = {'numpy', 'sklearn', 'torch', 'joblib'};"
        "print(sorted(large & {*sys.modules}), folder.__all__, callable(folder.select), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] ['cross_validate', 'nested', 'select'] True False"


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert percept.selection is selection and "nested" in dir(selection)
    with pytest.raises(AttributeError, match="no attribute 'selct'"):
        _ = selection.selct
