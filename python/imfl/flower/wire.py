"""What server and participants say to each other, and how a reply is read: nothing in it is believed before it was looked at.

Every message carries a ``ConfigRecord`` called ``imfl``; models are an ``ArrayRecord`` called ``arrays``, as everywhere in
Flower. Numbers that are money are integers, and what is signed travels as the bytes that were signed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict

#: Version of the protocol; a reply of another one is refused.
PROTOCOL = 1
#: Name of the record of imfl's own values, and of the record of arrays.
OURS, ARRAYS = "imfl", "arrays"
#: Bytes that an encoded array may have beside its values: the header of the npy format.
_HEADER = 4096

#: Parameters in PyTorch's names and layouts.
Model = dict[str, npt.NDArray[np.float32]]
#: The same as Rust takes it.
Named = list[tuple[str, list[int], npt.NDArray[np.float32]]]


class Refused(Exception):
    """A message that is not what it should be; says what is wrong with it."""


def canonical(values: Mapping[str, Any]) -> bytes:
    """The one way to write values down as JSON, so that the same values have the same signature."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def parse(data: bytes, what: str, most: int = 1 << 20) -> dict[str, Any]:
    """Values that were written by :func:`canonical`."""
    if len(data) > most:
        raise Refused(f"{what} has {len(data)} bytes; at most {most} are read")
    try:
        values = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{what} is no JSON ({type(error).__name__})") from error
    if not isinstance(values, dict):
        raise Refused(f"{what} is a JSON {type(values).__name__}, expected an object")
    return values


def request(values: Mapping[str, Any], model: Model | None = None) -> RecordDict:
    """A message's content: imfl's values, and a model."""
    content = RecordDict({OURS: ConfigRecord({"protocol": PROTOCOL, **values})})
    if model is not None:
        content[ARRAYS] = ArrayRecord({name: Array(np.ascontiguousarray(value)) for name, value in model.items()})
    return content


def ours(message: Message) -> ConfigRecord:
    """imfl's values of a message that has content."""
    if message.has_error():
        raise Refused(f"an error: {message.error.reason or message.error.code}")
    record = message.content.get(OURS)
    if not isinstance(record, ConfigRecord):
        raise Refused(f"no record of values called `{OURS}`")
    version = record.get("protocol")
    if type(version) is not int or version != PROTOCOL:
        raise Refused(f"protocol {version!r}, expected {PROTOCOL}")
    return record


def value(record: Mapping[str, Any], key: str, kind: type, *, most: int = 1 << 20) -> Any:
    """A value of exactly this type: an integer is no truth value, and a text is no longer than ``most``."""
    found = record.get(key)
    if type(found) is not kind:
        raise Refused(f"`{key}` is a {type(found).__name__}, expected {kind.__name__}")
    if isinstance(found, str | bytes) and len(found) > most:
        raise Refused(f"`{key}` has {len(found)} bytes, at most {most} are read")
    return found


def counts(record: Mapping[str, Any], key: str, classes: int, most: int) -> list[int]:
    """Counts of classes, each at least 0, with a sum in ``[1, most]``."""
    found = record.get(key)
    if not isinstance(found, list) or len(found) != classes:
        raise Refused(f"`{key}` is no list of {classes} counts")
    if not all(type(count) is int and count >= 0 for count in found):
        raise Refused(f"`{key}` has a count that is no integer of at least 0")
    total = sum(found)
    if not 1 <= total <= most:
        raise Refused(f"`{key}` sums to {total}, outside [1, {most}]")
    return found


def model(content: RecordDict, like: Mapping[str, tuple[int, ...]], what: str = ARRAYS) -> Model:
    """The float32 arrays of a message, which have to have the names and shapes of ``like``.

    Shapes and sizes are compared before anything is decoded: what a reply claims allocates nothing. Values may still be NaN,
    which the engine refuses.
    """
    record = content.get(what)
    if not isinstance(record, ArrayRecord):
        raise Refused(f"no record of arrays called `{what}`")
    if set(record) != set(like):
        raise Refused(f"`{what}` has other parameters than the model")
    return {name: _array(name, record[name], shape) for name, shape in like.items()}


def _array(name: str, array: Array, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    if array.stype != "numpy.ndarray" or array.dtype != "float32":
        raise Refused(f"`{name}` is {array.stype} of {array.dtype}, expected numpy.ndarray of float32")
    if tuple(array.shape) != shape:
        raise Refused(f"`{name}` has shape {tuple(array.shape)}, expected {shape}")
    size = 4 * int(np.prod(shape, dtype=np.int64))
    if not size <= len(array.data) <= size + _HEADER:
        raise Refused(f"`{name}` has {len(array.data)} bytes, expected {size} and a header")
    file = io.BytesIO(array.data)
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            header = np.lib.format.read_array_header_1_0(file, max_header_size=_HEADER)
        else:
            header = np.lib.format.read_array_header_2_0(file, max_header_size=_HEADER)
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError) as error:
        raise Refused(f"`{name}` is no array ({type(error).__name__})") from error
    found, fortran, dtype = header
    if tuple(found) != shape or dtype != np.dtype("<f4") or (fortran and len(shape) > 1):
        raise Refused(f"`{name}` holds {dtype} of shape {found}, expected float32 of {shape} in C order")
    if len(array.data) - file.tell() != size:
        raise Refused(f"`{name}` holds {len(array.data) - file.tell()} bytes of values, expected {size}")
    values = np.frombuffer(array.data, dtype="<f4", count=size // 4, offset=file.tell())
    return values.reshape(shape)


def named(given: Mapping[str, npt.NDArray[np.float32]]) -> Named:
    """A model as Rust takes it."""
    # A scalar is a vector to `ascontiguousarray`, so the shape is taken before.
    return [(name, list(array.shape), np.ascontiguousarray(array).reshape(-1)) for name, array in given.items()]


def from_rust(given: list[tuple[str, list[int], bytearray]]) -> Model:
    """A model as Rust hands it out."""
    return {name: np.frombuffer(values, dtype=np.float32).reshape(shape) for name, shape, values in given}
