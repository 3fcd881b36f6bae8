"""Checks of an estimator's arguments."""

import numpy as np
import pytest

from percept.errors import OptionError
from percept.estimators.options import check_choice, check_flag, check_number, check_whole


@pytest.mark.parametrize("value", [0, 0.5, np.float32(3)])
def test_a_number_of_the_range_passes(value: object) -> None:
    check_number("alpha", value)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "0", None, [1]])
def test_anything_else_is_no_number_of_the_range(value: object) -> None:
    with pytest.raises(OptionError, match="alpha is .*; expected a number of at least 0"):
        check_number("alpha", value)


def test_an_end_may_belong_to_the_range_or_not() -> None:
    check_number("momentum", 1, high=1, ends="[]")
    with pytest.raises(OptionError, match="below 1"):
        check_number("momentum", 1, high=1)
    with pytest.raises(OptionError, match="above 0"):
        check_number("momentum", 0, ends="()")


@pytest.mark.parametrize("value", [0, 1.0, "2", None])
def test_a_whole_number_is_an_integer_of_at_least_one(value: object) -> None:
    check_whole("max_iter", np.int64(1))
    with pytest.raises(OptionError, match="max_iter"):
        check_whole("max_iter", value)


def test_a_flag_is_true_or_false() -> None:
    check_flag("shuffle", np.bool_(True))
    with pytest.raises(OptionError, match="shuffle is 1; expected True or False"):
        check_flag("shuffle", 1)


def test_an_unknown_choice_names_a_near_one() -> None:
    check_choice("output", None, (None, "tanh"))
    with pytest.raises(OptionError, match="did you mean adam"):
        check_choice("solver", "Adam", ("adam", "sgd"))
    with pytest.raises(OptionError, match="one of adam, sgd"):
        check_choice("solver", ["adam"], ("adam", "sgd"))
