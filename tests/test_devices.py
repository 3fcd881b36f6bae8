import threading
from typing import Any

import pytest
import torch

from percept.devices import full_float32, parse_memory
from percept.errors import OptionError


@pytest.mark.parametrize(
    ("text", "count"),
    [("1GB", 1e9), ("1.5 MiB", 1.5 * 2**20), ("12", 12), (7, 7), ("4g", 4e9), ("2 kb", 2e3), ("1tib", 2**40)],
)
def test_amounts_of_memory_are_read_as_people_write_them(text: str | float, count: float) -> None:
    assert parse_memory(text) == count


@pytest.mark.parametrize("text", ["", "GB", "0", "-1GB", "4 apples", "1e9", "nan", float("inf"), float("nan"), 0, -3])
def test_what_is_no_amount_of_memory_is_refused_by_name(text: str | float) -> None:
    with pytest.raises(OptionError, match="4GB"):
        parse_memory(text)


CUDNN: Any = torch.backends.cudnn


def kinds() -> list[str]:
    return [CUDNN.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision]


def test_torch_computes_as_before_once_the_last_thread_has_left_full_float32() -> None:
    before, entered, leave = kinds(), threading.Event(), threading.Event()

    def stay() -> None:
        with full_float32():
            entered.set()
            leave.wait(10)

    with full_float32():
        assert kinds() == ["ieee", "ieee"]
        with full_float32():
            other = threading.Thread(target=stay)
            other.start()
            entered.wait(10)
        assert kinds() == ["ieee", "ieee"]
    assert kinds() == ["ieee", "ieee"]
    leave.set()
    other.join()
    assert kinds() == before
