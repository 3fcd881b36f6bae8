"""What the user pointed at: a built-in set, a folder or archive of pictures, or a table, told apart by looking."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from percept.data.archives import is_idx_folder, read_idx_folder, read_npz
from percept.data.builtin import BUILTIN, load_builtin
from percept.data.dataset import Dataset, PictureArray, PictureFiles, Task
from percept.data.folders import read_folder
from percept.data.tables import read_table
from percept.errors import DataError, OptionError


def read_source(
    source: str,
    *,
    target: str | None = None,
    task: Task | None = None,
    header: bool | None = None,
    group: str | None = None,
    test: Path | None = None,
) -> Dataset:
    """Return the labelled data that a name or path stands for.

    Args:
        source: name of a built-in set, or path of a folder of pictures, an IDX folder or file, an .npz or a table.
        target: target column of a table.
        task: "classification" or "regression" where the user says so.
        header: whether a table's first line holds names; None to notice by itself.
        group: column of a table whose equal values belong together.
        test: the user's own test data, of the same kind as the source.

    Raises:
        DataError: nothing is there, or it cannot be used.
        OptionError: an option does not go with this kind of data.
    """
    path = Path(source)
    if not path.exists():
        if source in BUILTIN:
            _only_for_tables(source, target=target, header=header, group=group)
            return _with_test(load_builtin(source), test)
        raise DataError(
            f"{source} does not exist; give a folder of pictures, a table, an .npz or IDX file,"
            f" or one of {', '.join(BUILTIN)}"
        )
    for each in (path, test):
        _check_name(each)
    if path.is_dir() or path.suffix.lower() == ".npz" or is_idx_folder(path):
        _only_for_tables(source, target=target, header=header, group=group)
        if task == "regression":
            raise OptionError(f"--task regression is for tables; {source} holds pictures with classes")
        return _with_test(_read_pictures(path), test)
    return read_table(path, target=target, header=header, task=task, group=group, test=test)


def _check_name(path: Path | None) -> None:
    """Refuse a path that no recipe can hold; names below a folder of pictures may be what they like."""
    try:
        str(path and path.resolve()).encode()
    except UnicodeEncodeError as error:
        raise DataError(f"the name of {path} is no proper text (expected UTF-8); rename it or move the data") from error


def _read_pictures(path: Path) -> Dataset:
    if path.suffix.lower() == ".npz":
        return read_npz(path)
    return read_idx_folder(path) if is_idx_folder(path) else read_folder(path)


def _only_for_tables(source: str, **options: object) -> None:
    for name, value in options.items():
        if value is not None:
            flag = "--header/--no-header" if name == "header" else f"--{name}"
            raise OptionError(f"{flag} is for tables; {source} is not one: leave it out")


def _with_test(dataset: Dataset, test: Path | None) -> Dataset:
    if test is None:
        return dataset
    if not test.exists():
        raise DataError(f"--test {test} does not exist; give test data like {dataset.name}, or none")
    if dataset.kind == "table":
        raise OptionError(f"--test {test} needs a table of your own; {dataset.name} is built in")
    extra = _read_pictures(test)
    unknown = sorted(set(extra.target.classes) - set(dataset.target.classes))
    if unknown:
        raise DataError(
            f"--test {test} has the class {unknown[0]!r}, which {dataset.name} has not; expected only"
            f" {', '.join(dataset.target.classes[:10])}"
        )
    own = f"; {dataset.name}'s own test part joins the rest" if (dataset.given == "test").any() else ""
    numbers = np.array([dataset.target.classes.index(name) for name in extra.target.classes])
    values = np.concatenate([dataset.target.values, numbers[extra.target.values.astype(np.int64)]])
    return replace(
        dataset,
        samples=_joined(dataset.samples, extra.samples, test),
        target=replace(dataset.target, values=values),
        keys=(*dataset.keys, *(f"{test.name}/{key}" for key in extra.keys)),
        given=np.concatenate([np.where(dataset.given == "test", "", dataset.given), np.full(len(extra), "test")]),
        notes=(*dataset.notes, f"{len(extra)} test pictures from {test}{own}"),
    )


def _joined(first: object, second: object, test: Path) -> PictureFiles | PictureArray:
    if isinstance(first, PictureFiles) and isinstance(second, PictureFiles):
        return PictureFiles((*first.paths, *second.paths))
    if isinstance(first, PictureArray) and isinstance(second, PictureArray):
        same = first.pixels.shape[1:] == second.pixels.shape[1:] and first.white == second.white
        if same:
            return PictureArray(np.concatenate([first.pixels, second.pixels]), first.white)
    raise DataError(f"--test {test} holds pictures in another form than the training data; give both in the same form")
