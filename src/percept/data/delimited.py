"""How a text file lays out a table: compression, encoding, separator, decimal mark and header, noticed by looking."""

import bz2
import codecs
import csv
import gzip
import lzma
import re
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd

from percept.errors import DataError

# Cells that stand for "not known", beside the empty cell.
MISSING = ("", "?", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "null", "NULL")
# Tried in this order: in a file that semicolons cut evenly, the commas are decimal marks.
_SEPARATORS = ("\t", ";", "|", ",")
_SPACES = r"\s+"
_SAMPLE = 1 << 18  # bytes looked at before the file is read
_FIRST_LINES = 1000  # of them that tell the layout
_OPENERS: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zip": open}
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf(inity)?)", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+")


@dataclass(frozen=True)
class Layout:
    """How the rows of a text file are to be read.

    Attributes:
        encoding: name of the text encoding.
        separator: what stands between two cells; a regular expression for runs of spaces.
        decimal: "." or ",".
        header: whether the first line holds the names.
        names: one name a column: those of the header, or c0, c1, ...
    """

    encoding: str
    separator: str
    decimal: str
    header: bool
    names: tuple[str, ...]


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, unpacked if it ends in .gz, .bz2, .xz or .zip.

    Raises:
        DataError: the file is missing, damaged, or a zip archive of several files.
    """
    try:
        with _OPENERS.get(path.suffix.lower(), open)(path, mode="rb") as file:
            if path.suffix.lower() != ".zip":
                yield file
                return
            with zipfile.ZipFile(file) as archive, archive.open(_only_member(archive, path)) as member:
                yield member
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; check its name") from None
    except (OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read ({error}); fetch or unpack the file again") from error


def _only_member(archive: zipfile.ZipFile, path: Path) -> str:
    # Archives made on macOS carry a shadow of every file below __MACOSX.
    files = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if len(files) != 1:
        raise DataError(f"{path} holds {len(files)} files; expected one table: unpack it and name the table")
    return files[0]


def notice_layout(path: Path, header: bool | None = None) -> Layout:
    """Return how a text file lays out its table.

    Args:
        path: a text file of any common encoding, compressed or not.
        header: whether the first line holds names; None to notice by itself.

    Raises:
        DataError: the file is empty, not text, or has no usable header.
    """
    encoding = _encoding(path)
    lines = _first_lines(path, encoding)
    if not lines:
        raise DataError(f"{path} is empty; expected a table with one row a line")
    separator = _separator(lines)
    rows = _cells(lines, separator)
    decimal = "," if separator != "," and _has_decimal_commas(rows) else "."
    if header is None:
        header = _has_header(rows, decimal)
    width = _usual_width(rows)
    names = _header_names(rows[0], path) if header else tuple(f"c{number}" for number in range(width))
    return Layout(encoding, separator, decimal, header, names)


def _encoding(path: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opened(path) as file:
        block = file.read(_SAMPLE)
        if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if b"\0" in block:
            raise DataError(
                f"{path} is not a text table; expected CSV, TSV or Parquet: save or export it as one of them"
            )
        try:
            while block:
                decoder.decode(block)
                block = file.read(1 << 20)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8-sig"


def _first_lines(path: Path, encoding: str) -> list[str]:
    with opened(path) as file:
        sample, more = file.read(_SAMPLE), bool(file.read(1))
    # The sample may end in the middle of a letter: only then is the decoder forgiving.
    lines = sample.decode(encoding, errors="ignore" if more else "strict").splitlines()
    if more and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip()][:_FIRST_LINES]


def _cells(lines: Sequence[str], separator: str) -> list[list[str]]:
    if separator == _SPACES:
        return [line.split() for line in lines]
    rows: list[list[str]] = []
    # A cell may be longer than csv takes: what was read until then is enough to go by.
    with suppress(csv.Error):
        rows.extend(
            [cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator, skipinitialspace=True)
        )
    return rows or [[]]


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    return Counter(map(len, rows)).most_common(1)[0][0]


def _separator(lines: Sequence[str]) -> str:
    best, best_share = ",", 0.0
    for separator in (*_SEPARATORS, _SPACES):
        rows = _cells(lines, separator)
        width = _usual_width(rows)
        share = sum(len(row) == width for row in rows) / len(rows)
        # Words of one text column may be cut evenly by chance: spaces count only where every row agrees.
        if width > 1 and share > best_share and (separator != _SPACES or (share == 1 and best_share == 0)):
            best, best_share = separator, share
    return best


def _has_decimal_commas(rows: Sequence[Sequence[str]]) -> bool:
    cells = [cell for row in rows for cell in row]
    return any(map(_DECIMAL_COMMA.fullmatch, cells)) and not any(map(_DECIMAL_POINT.fullmatch, cells))


def _has_header(rows: Sequence[Sequence[str]], decimal: str) -> bool:
    """Tell names from data: a name is no number, stands once, and is not found again below itself."""
    first, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    numeric = [_is_number(cell, decimal) for cell in first]
    columns = [[row[number] for row in below] for number in range(len(first))]
    counted = [cell for cell, is_number in zip(first, numeric, strict=True) if is_number]
    if len(counted) > 2 and counted == [str(number) for number in range(len(counted))] and below:
        return True  # columns that a program named 0, 1, 2, ...
    for name, is_number, column in zip(first, numeric, columns, strict=True):
        known = [cell for cell in column if cell not in MISSING]
        if name not in MISSING and not is_number and known and all(_is_number(cell, decimal) for cell in known):
            return True  # a word above nothing but numbers
    # An empty name is allowed for the first column alone: tables are often written with their row numbers.
    if any(numeric) or any(cell in MISSING for cell in first[1:]) or len(set(first)) < len(first):
        return False
    found_again = sum(name in column for name, column in zip(first, columns, strict=True))
    return found_again * 2 < len(first)


def _is_number(cell: str, decimal: str) -> bool:
    return _NUMBER.fullmatch(cell.replace(decimal, ".") if decimal != "." else cell) is not None


def _header_names(row: Sequence[str], path: Path) -> tuple[str, ...]:
    names = tuple(name or f"c{number}" for number, name in enumerate(row))
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(
                f"{path} has {count} columns named {name!r}; rename them, or pass --no-header if it has none"
            )
    return names


def read_rows(
    path: Path, layout: Layout, *, columns: Collection[str] | None = None, text: Collection[str] = (), rows: int | None
) -> Iterator[pd.DataFrame]:
    """Read a text table piece by piece, its index counting the rows from 0.

    Args:
        path: the file.
        layout: how it is laid out.
        columns: the names to read; None reads all.
        text: names of the columns whose cells stay text even where they look like numbers.
        rows: how many rows a piece has at most; None reads all at once.

    Yields:
        Frames with the columns' names.

    Raises:
        DataError: a row has more cells than there are columns, or the file is damaged.
    """
    with opened(path) as file:
        try:
            reader = pd.read_csv(
                file, iterator=True, index_col=False, low_memory=False, skipinitialspace=True,
                sep=layout.separator, decimal=layout.decimal, encoding=layout.encoding,
                header=0 if layout.header else None, names=list(layout.names),
                usecols=None if columns is None else [name for name in layout.names if name in set(columns)],
                dtype=dict.fromkeys(text, str), na_values=list(MISSING), keep_default_na=False,
            )  # fmt: skip
            while True:
                # Not around the yield: the filter would reach into the code that takes the pieces.
                with warnings.catch_warnings():
                    warnings.simplefilter("error", pd.errors.ParserWarning)
                    piece = reader.read(rows)
                yield piece
                if rows is None:
                    return
        except StopIteration:
            return
        except (pd.errors.ParserError, pd.errors.EmptyDataError, pd.errors.ParserWarning) as error:
            what = "some rows have more" if isinstance(error, pd.errors.ParserWarning) else _plain(error)
            raise DataError(
                f"{path} cannot be read as {len(layout.names)} columns ({what}); give every row equally many cells,"
                " and take out what is no table, such as lines above the header"
            ) from error


def _plain(error: Exception) -> str:
    return str(error).removeprefix("Error tokenizing data. C error: ").strip()
