"""What tells one fit from another: a digest of parameters and data, the same in every process."""

import hashlib
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, CellType, CodeType, FunctionType
from typing import Any, cast

import numpy as np
from scipy.sparse import csr_array, issparse

from percept.errors import OptionError


def digest_of(*values: Any, files: bool = False) -> str:
    """Return a text that is the same for values of the same content and no others.

    Args:
        values: numbers, texts, arrays, tables, lists, models with their parameters, functions.
        files: whether texts that name files stand for what the files hold.

    Raises:
        OptionError: a value holds something whose content cannot be read, such as an open file.

    Example:
        >>> digest_of([1, 2.0]) == digest_of([1, 2.0]), digest_of([1, 2]) == digest_of([1, 2.0])
        (True, False)
    """
    total = hashlib.blake2b(digest_size=16)
    for value in values:
        _add(total.update, value, files, ())
    return total.hexdigest()


Add = Callable[[Any], None]  # of bytes, or what shows itself as bytes


def _add(add: Add, value: Any, files: bool, above: tuple[int, ...]) -> None:
    """Add a value's kind and content, both with their lengths, so that no two contents run together."""
    if id(value) in above:
        return add(b"again")
    above = (*above, id(value))
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, Path)):
        return _add_text(add, value, files)
    if isinstance(value, (np.ndarray, np.generic)) or hasattr(value, "__array_interface__"):
        return _add_array(add, np.asarray(value), files, above)
    if isinstance(value, (type, FunctionType, BuiltinFunctionType, np.ufunc)):
        return _add_function(add, value, above)
    return _add_parts(add, type(value), _parts(value), files, above)


def _add_text(add: Add, value: Any, files: bool) -> None:
    if files and isinstance(value, (str, Path)) and Path(value).is_file():
        with Path(value).open("rb") as file:
            return _add_bytes(add, "file", hashlib.file_digest(file, "blake2b").digest())
    return _add_bytes(add, type(value).__name__, value if isinstance(value, bytes) else str(value).encode())


def _add_bytes(add: Add, kind: str, content: bytes) -> None:
    add(f"{kind} {len(content)}:".encode())
    add(content)


def _add_array(add: Add, array: Any, files: bool, above: tuple[int, ...]) -> None:
    if array.dtype.kind == "O" or (files and array.dtype.kind == "U"):
        return _add_parts(add, f"array{array.shape}", array.ravel().tolist(), files, above)
    add(f"array {array.dtype.str} {array.shape}:".encode())
    return add(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def _add_function(add: Add, value: Any, above: tuple[int, ...]) -> None:
    """Add a class or function by its name and its package's version, and by what it does where it has no version."""
    name = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', value)}"
    version = getattr(sys.modules.get(name.partition(".")[0]), "__version__", "")
    _add_bytes(add, "named", f"{name} {version}".encode())
    if isinstance(value, FunctionType):
        parts = [*_code(value.__code__), value.__defaults__, value.__kwdefaults__]
        parts += [_cell(cell) for cell in value.__closure__ or ()]
        _add_parts(add, "code", parts, False, above)
    elif isinstance(value, type) and not version and value.__module__ not in sys.stdlib_module_names:
        methods = [each for each in vars(value).values() if isinstance(each, FunctionType)]
        _add_parts(add, "class", [*methods, *value.__bases__], False, above)


def _cell(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet bound
        return None


def _code(code: CodeType) -> list[Any]:
    literals = [_code(each) if isinstance(each, CodeType) else each for each in code.co_consts]
    return [code.co_code, code.co_names, literals]


def _add_parts(add: Add, kind: Any, parts: Iterable[Any], files: bool, above: tuple[int, ...]) -> None:
    if isinstance(kind, type):
        _add_function(add, kind, above)
    else:
        _add_bytes(add, "kind", str(kind).encode())
    parts = list(parts)
    add(f"{len(parts)}:".encode())
    for part in parts:
        _add(add, part, files, above)


def _parts(value: Any) -> list[Any]:
    """Return what a value is made of, other than its type."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (set, frozenset)):
        return sorted(digest_of(each) for each in value)
    if isinstance(value, dict):
        return [part for item in value.items() for part in item]
    if issparse(value):
        rows: Any = csr_array(cast(Any, value))
        return [rows.shape, rows.data, rows.indices, rows.indptr]
    if hasattr(value, "iloc"):  # a table or column of pandas
        columns = [value.iloc[:, place] for place in range(value.shape[1])] if value.ndim > 1 else [value]
        return [list(getattr(value, "columns", [value.name if value.ndim == 1 else ""])), *map(np.asarray, columns)]
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, np.random.RandomState):
        return [value.get_state()]
    if hasattr(value, "get_params"):
        return sorted(value.get_params(deep=False).items())
    try:
        how = value.__reduce_ex__(4)
    except (TypeError, AttributeError, RecursionError) as error:
        raise OptionError(
            f"a folder keeps fits by what the model is made of, and a {type(value).__name__} cannot be read ({error});"
            " leave out folder, or that parameter"
        ) from error
    return [list(each) if hasattr(each, "__next__") else each for each in (how if isinstance(how, tuple) else (how,))]
