"""Digests are equal exactly where rows are."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from percept.data.duplicates import first_alike, row_digests

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 1.5, np.nan])
TEXTS = st.sampled_from(["", "a", "b", None])


@given(rows=st.lists(st.tuples(NUMBERS, TEXTS, NUMBERS), min_size=1, max_size=30))
def test_rows_have_one_digest_if_and_only_if_their_cells_are_equal(
    rows: list[tuple[float, str | None, float]],
) -> None:
    frame = pd.DataFrame(rows, columns=["x", "k", "y"]).astype({"k": object})
    # NaN equals NaN here, and 0 equals -0, as pandas itself sees repeated rows.
    expected = [tuple("NaN" if cell != cell else cell for cell in row) for row in rows]
    digests = row_digests(frame)
    assert [[a == b for b in digests] for a in digests] == [[a == b for b in expected] for a in expected]


def test_repeated_rows_are_those_that_pandas_finds() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.integers(0, 3, (500, 5)).astype(float)).assign(k=random.choice(["a", "b"], 500))
    repeated = first_alike(row_digests(frame)) != np.arange(500)
    np.testing.assert_array_equal(repeated, frame.duplicated().to_numpy())


def test_digests_do_not_depend_on_the_rows_around() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "k": ["a", "b", None]})
    assert row_digests(frame.iloc[[2, 0]]) == tuple(np.array(row_digests(frame))[[2, 0]])


def test_samples_without_a_digest_are_like_no_other() -> None:
    assert first_alike(["", "p", "", "p"]).tolist() == [0, 1, 2, 1]
