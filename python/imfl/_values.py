"""Values on their way across the boundary: money as decimals, columns as arrays, tables as text."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import DataError, ImflError, UsageError

if TYPE_CHECKING:
    import pandas as pd

MICROS = Decimal(10) ** -6
PICOS = Decimal(10) ** -12

Path = str | os.PathLike[str]


def credits(micros: int) -> Decimal:
    """Micro-credits as credits, exactly."""
    return (Decimal(micros) * MICROS).normalize() + 0 if micros else Decimal(0)


def rate(picos: int) -> Decimal:
    """Pico-credits a unit as credits a unit, exactly."""
    return (Decimal(picos) * PICOS).normalize() + 0 if picos else Decimal(0)


def micros(amount: Decimal | int | str, what: str) -> int:
    """Credits as micro-credits; a float, or more than six decimals, is refused and not rounded."""
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str):
        kind = type(amount).__name__
        raise UsageError(f"{what} is a {kind}; give credits as Decimal, int or text, which are exact")
    try:
        exact = Decimal(amount) if not isinstance(amount, Decimal) else amount
        scaled = exact.scaleb(6)
        whole = int(scaled)
    except (ArithmeticError, ValueError) as error:
        raise DataError(f"{what}: `{amount}` is not an amount of credits") from error
    if whole != scaled:
        raise DataError(f"{what}: `{amount}` is finer than a micro-credit (six decimals)")
    if not -(2**63) <= whole < 2**63:
        raise DataError(f"{what}: `{amount}` is more than 9.2e12 credits")
    return whole


def column(data: bytes | bytearray, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A column that came as bytes; ``bytes`` make an array that nobody can write to."""
    return np.frombuffer(data, dtype=dtype)


def pandas() -> Any:
    """pandas, or an error that says how to get it."""
    try:
        import pandas
    except ImportError as error:
        raise ImflError("this needs pandas: pip install pandas") from error
    return pandas


def frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Columns as a DataFrame."""
    made: pd.DataFrame = pandas().DataFrame(dict(columns))
    return made


def _cell(value: object) -> str:
    """A cell as exact text: the shortest decimal of a float, a Decimal as it is."""
    if value is None:
        return ""
    if isinstance(value, np.generic):
        value = value.item()
    return repr(value) if isinstance(value, float) else str(value)


def _rows(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def table(given: Any, name: str) -> Any:
    """A table for Rust: a path as it is; a DataFrame, columns or rows as the text of a CSV file, exactly as they print.

    Lines in errors count the header as line 1.
    """
    if isinstance(given, str | os.PathLike):
        return os.fspath(given)
    if isinstance(given, Mapping):
        return name, _columns({str(key): value for key, value in given.items()}, name)
    if hasattr(given, "columns") and hasattr(given, "itertuples"):
        header = [str(key) for key in given.columns]
        return name, _rows(header, given.itertuples(index=False, name=None))
    if isinstance(given, Iterable):
        return name, _records(list(given), name)
    raise UsageError(f"{name} is a {type(given).__name__}; expected a path, a DataFrame, columns or a list of mappings")


def _columns(columns: Mapping[str, Any], name: str) -> bytes:
    try:
        values = [list(values) for values in columns.values()]
        return _rows(list(columns), zip(*values, strict=True))
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: columns of one length are expected ({error})") from error


def _records(records: list[object], name: str) -> bytes:
    header: list[str] | None = None
    rows: list[list[object]] = []
    for index, record in enumerate(records):
        if not isinstance(record, Mapping):
            raise DataError(f"{name}: row {index} is a {type(record).__name__}; expected a mapping of columns")
        keys = [str(key) for key in record]
        if header is None:
            header = keys
        if set(keys) != set(header):
            raise DataError(f"{name}: row {index} has the columns {', '.join(keys)}; the first has {', '.join(header)}")
        rows.append([record[key] for key in header])
    return _rows(header or [], rows)


def floats(given: object, what: str) -> list[float]:
    """A list of numbers."""
    try:
        array = np.asarray(given, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what}: no numbers ({error})") from error
    if array.ndim != 1:
        raise DataError(f"{what}: shape {array.shape}, expected one number for each client")
    found: list[float] = array.tolist()
    return found


def contiguous(given: object, dtype: npt.DTypeLike, what: str) -> npt.NDArray[Any]:
    """A contiguous array of this type; only integers become other integers, and only if they fit."""
    try:
        array = np.asarray(given)
    except (TypeError, ValueError) as error:
        raise DataError(f"{what}: no array ({error})") from error
    wanted = np.dtype(dtype)
    # An empty list has no type to speak of.
    if array.dtype != wanted and array.size:
        if array.dtype.kind not in "iu" or wanted.kind != "i":
            raise DataError(f"{what}: values of type {array.dtype}, expected {wanted}")
        if int(array.max()) > np.iinfo(wanted.name).max:
            raise DataError(f"{what}: {array.max()} is too large")
    return np.ascontiguousarray(array, dtype=wanted)
