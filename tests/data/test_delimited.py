"""Text tables are read as they were written, whatever the program that wrote them."""

import bz2
import csv
import gzip
import io
import lzma
import string
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from percept.data.delimited import Layout, notice_layout, read_rows
from percept.errors import DataError


def _file(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _read(path: Path, header: bool | None = None) -> pd.DataFrame:
    return next(read_rows(path, notice_layout(path, header), rows=None))


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", ", ", "  "])
def test_every_separator_is_noticed(tmp_path: Path, separator: str) -> None:
    rows = [["age", "place"], ["31", "Rome"], ["42", "Bari"], ["53", "Pisa"]]
    frame = _read(_file(tmp_path, "\n".join(separator.join(row) for row in rows)))
    assert frame.to_dict("list") == {"age": [31, 42, 53], "place": ["Rome", "Bari", "Pisa"]}


def test_commas_between_digits_are_decimals_where_semicolons_separate(tmp_path: Path) -> None:
    frame = _read(_file(tmp_path, "x;y\n1,5;2,25\n-0,5;3,75\n"))
    assert frame.to_dict("list") == {"x": [1.5, -0.5], "y": [2.25, 3.75]}


def test_a_separator_inside_quotes_is_text(tmp_path: Path) -> None:
    frame = _read(_file(tmp_path, 'n,who\n1,"Doe, Jane"\n2,"Roe; ""R"""\n'))
    assert frame["who"].tolist() == ["Doe, Jane", 'Roe; "R"']


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_every_common_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    frame = _read(_file(tmp_path, "x,città\n1,Forlì\n2,Ancona\n".encode(encoding)))
    assert frame.columns.tolist() == ["x", "città"]
    assert frame["città"].tolist() == ["Forlì", "Ancona"]


def test_a_letter_beyond_ascii_far_down_the_file_is_noticed(tmp_path: Path) -> None:
    content = "x,y\n" + "1,a\n" * 200_000
    assert notice_layout(_file(tmp_path, content.encode() + b"2,\xe9\n")).encoding == "latin-1"
    assert notice_layout(_file(tmp_path, content.encode() + "2,é\n".encode())).encoding == "utf-8-sig"


def test_packed_files_are_read_like_plain_ones(tmp_path: Path) -> None:
    content = b"x,y\n1,2\n3,4\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("t.csv", content)
        archive.writestr("__MACOSX/._t.csv", b"\0")
    files = {".gz": gzip.compress(content), ".bz2": bz2.compress(content), ".xz": lzma.compress(content)}
    for suffix, packed_content in {**files, ".zip": packed.getvalue()}.items():
        assert _read(_file(tmp_path, packed_content, f"t.csv{suffix}")).to_dict("list") == {"x": [1, 3], "y": [2, 4]}


@pytest.mark.parametrize(
    "content",
    [
        "x,y,kind\n1,2,a\n3,4,b\n",  # words above numbers
        "id,name\nr,Ann\ns,Bea\nt,Cid\n",  # words that are not found again
        ",x,y\n0,1,2\n1,3,4\n",  # row numbers without a name
        "0,1,2,3\n5,6,7,8\n1,2,3,4\n",  # columns that are counted
        ",0,1,2,kind\n0,6,7,8,a\n1,2,3,4,b\n",
        "x,y\n?,1\n?,2\n",
        "species\nrose\nlily\n",
    ],
)
def test_a_header_is_noticed(tmp_path: Path, content: str) -> None:
    assert notice_layout(_file(tmp_path, content)).header


@pytest.mark.parametrize(
    "content",
    [
        "M,0.455,15\nF,0.35,7\nM,0.53,9\n",
        "1,2,3\n4,5,6\n",
        "p,x,s\ne,x,y\np,b,s\ne,x,s\n",  # letters that are found again below themselves
        "a,a\nb,c\nd,e\n",  # no two columns have one name
        "a,?\nb,3\n",
        "5.1,3.5,Iris-setosa\n",
    ],
)
def test_a_first_line_of_data_is_noticed(tmp_path: Path, content: str) -> None:
    layout = notice_layout(_file(tmp_path, content))
    assert not layout.header
    assert layout.names[0] == "c0"


def test_the_user_has_the_last_word_on_the_header(tmp_path: Path) -> None:
    path = _file(tmp_path, "1990,1991\n5,6\n")
    assert _read(path, header=True).to_dict("list") == {"1990": [5], "1991": [6]}
    assert _read(path, header=False).to_dict("list") == {"c0": [1990, 5], "c1": [1991, 6]}


def test_marks_for_missing_are_missing_in_every_column(tmp_path: Path) -> None:
    frame = _read(_file(tmp_path, "x,y\n1,a\n?,NA\nNaN,null\n,\n2,b\n"))
    assert frame["x"].isna().tolist() == frame["y"].isna().tolist() == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "t.csv", "is empty"),
        (b"PK\x03\x04\0\0\0\0", "t.xlsx", "not a text table"),
        (gzip.compress(b"x,y\n1,2\n" * 9999, mtime=0)[:-20], "t.csv.gz", "cannot be read"),
        (b"no zip", "t.csv.zip", "cannot be read"),
        (b"x,x\n1,2\n", "t.csv", "2 columns named 'x'"),
        (b"x,y\n1,2\n3,4,5\n", "t.csv", "line 3"),
        (b"x,y\n1,2,3\n3,4,5\n", "t.csv", "more"),
    ],
)
def test_what_is_no_table_is_refused_by_name(tmp_path: Path, content: bytes, name: str, words: str) -> None:
    path = _file(tmp_path, content, name)
    with pytest.raises(DataError, match=words) as refusal:
        _read(path, header=True)
    assert name in str(refusal.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.csv does not exist"):
        notice_layout(tmp_path / "gone.csv")


def test_pieces_together_are_the_whole_and_count_its_rows(tmp_path: Path) -> None:
    path = _file(tmp_path, "x,y\n" + "".join(f"{n},v{n}\n" for n in range(10)))
    pieces = list(read_rows(path, notice_layout(path), rows=4))
    assert [len(piece) for piece in pieces] == [4, 4, 2]
    assert pd.concat(pieces).index.tolist() == list(range(10))
    pd.testing.assert_frame_equal(pd.concat(pieces), _read(path), check_index_type=False)


CELLS = st.text(alphabet=string.ascii_letters + ",;\t|\" '-.", min_size=1, max_size=8).map(str.strip).filter(bool)


@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8))
def test_what_the_csv_module_writes_is_read_back(
    rows: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["first", "second", "third"], *rows])
    layout = Layout("utf-8-sig", ",", ".", True, ("first", "second", "third"))
    frame = next(read_rows(path, layout, text=layout.names, rows=None)).fillna("")
    missing = {"NA", "N/A", "n/a", "NaN", "nan", "null", "NULL"}
    assert frame.to_numpy().tolist() == [["" if cell in missing else cell for cell in row] for row in rows]
