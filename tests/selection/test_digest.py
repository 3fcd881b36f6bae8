"""A digest tells apart what differs, and only that, in every process."""

import subprocess
import sys
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import percept
from percept.errors import OptionError
from percept.selection.digest import digest_of

DIFFERENT: list[Any] = [
    None,
    0,
    1,
    True,
    1.0,
    "1",
    b"1",
    [1],
    (1,),
    {1},
    {1: 2},
    {2: 1},
    [[1], 2],
    [1, [2]],
    np.array([1]),
    np.array([1.0]),
    np.array([[1]]),
    np.array(["ab", "c"]),
    np.array(["a", "bc"]),
    np.array(["ab", "c"], object),
    csr_array(np.eye(2)),
    csr_array(np.ones((2, 2))),
    pd.DataFrame({"a": [1, 2]}),
    pd.DataFrame({"b": [1, 2]}),
    pd.Series([1, 2]),
    date(2020, 1, 1),
    date(2020, 1, 2),
    np.random.RandomState(0),
    np.random.RandomState(1),
    np.random.default_rng(0),
    np.random.default_rng(1),
    Ridge(),
    Ridge(alpha=2),
    make_pipeline(StandardScaler(), Ridge()),
    make_pipeline(StandardScaler(), Ridge(alpha=2)),
    GridSearchCV(Ridge(), {"alpha": [1]}, cv=KFold(3)),
    GridSearchCV(Ridge(), {"alpha": [1]}, cv=KFold(4)),
    percept.MLPClassifier(),
    percept.MLPClassifier(alpha=1),
    np.tanh,
    np.sin,
    LogisticRegression,
    lambda x: x + 1,
    lambda x: x + 2,
    lambda x: [y + 1 for y in range(x)],
    lambda x: [y + 2 for y in range(x)],
    partial(max, 1),
    partial(max, 2),
    partial(min, 2),
]


def test_what_differs_has_another_digest() -> None:
    digests = [digest_of(value) for value in DIFFERENT]
    assert len(set(digests)) == len(DIFFERENT)
    assert digests == [digest_of(value) for value in DIFFERENT]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values, values)
def test_digests_are_equal_exactly_for_equal_values(one: Any, other: Any) -> None:
    assert (digest_of(one) == digest_of(other)) == (repr(one) == repr(other))


def test_digests_do_not_depend_on_layout_or_on_what_a_fit_left_behind() -> None:
    square = np.arange(6.0).reshape(2, 3)
    assert digest_of(square) == digest_of(np.asfortranarray(square))
    assert digest_of(csr_array(np.eye(2))) != digest_of(coo_array(np.eye(2)))  # other kinds may be fitted otherwise
    fitted = Ridge().fit(square, [0, 1])
    assert digest_of(fitted) == digest_of(Ridge())


def test_functions_of_the_user_count_by_what_they_close_over_and_classes_by_their_methods() -> None:
    def adding(number: int) -> Any:
        return lambda x: x + number

    def made(number: int) -> Any:
        namespace: dict[str, Any] = {"__name__": "own"}
        exec(f"class Own:\n    def fit(self):\n        return super().__init__() or {number}\n", namespace)
        return namespace["Own"]()

    assert digest_of(adding(1)) == digest_of(adding(1)) != digest_of(adding(2))
    assert digest_of(made(1)) == digest_of(made(1)) != digest_of(made(2))


def test_names_of_files_stand_for_what_the_files_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")
    lists: list[Any] = [[path], [str(path)], np.array([str(path)])]
    before = [digest_of(each, files=True) for each in lists]
    names = digest_of([path])
    path.write_text("two")
    assert all(digest_of(each, files=True) != digest for each, digest in zip(lists, before, strict=True))
    assert digest_of([path]) == names
    path.write_text("one")
    assert [digest_of(each, files=True) for each in lists] == before


def test_another_process_has_the_same_digest() -> None:
    code = (
        "from percept.selection.digest import digest_of; from sklearn.linear_model import Ridge;"
        "from sklearn.model_selection import KFold; import numpy as np;"
        "print(digest_of(Ridge(), KFold(3), {'b', 'a', 'c'}, {'x': 1.5}, np.arange(3), np.tanh))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == digest_of(Ridge(), KFold(3), {"b", "a", "c"}, {"x": 1.5}, np.arange(3), np.tanh)


def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(OptionError, match="a TextIOWrapper cannot be read .* leave out folder"):
        digest_of(sys.__stdout__)


def test_what_holds_itself_has_a_digest() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    assert digest_of(ring) != digest_of([1])
