"""Reads all scalars of a TensorBoard event file, or raises an error. torch-free."""

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from .columns import CurveError

# The checksum of a record that is larger and has no scalar, such as an image, is not computed:
# in Python that takes a second for every 7 MB.
CHECKED_BYTES = 4096
NAMES = "*tfevents*"  # of event files, as a pattern
HEAD = 64  # bytes at the start of one that tell it
LENGTH, CHECKSUM = struct.Struct("<Q"), struct.Struct("<I")


def is_event_file(name: str, head: bytes = b"") -> bool:
    """Whether a file of that name, which begins with these bytes, is TensorBoard's: its first
    record has the version of the format.
    """
    return "tfevents" in name or b"brain.Event:" in head


def scalars(name: str, data: bytes) -> Iterator[tuple[str, int, float]]:
    """Each value of a scalar as it was recorded: its tag, its step and the number. Images, texts
    and so on are skipped.

    Args:
        name: the file's name, for errors.
        data: its bytes.

    Raises:
        CurveError: a record is damaged or cut off, or there are no scalars. A file that is cut off
            between two records cannot be detected.
    """
    known: set[str] = set()
    yield from more_scalars(name, data, known)
    if not known:
        raise CurveError(f"{name} has no scalars: choose a file in which a loss is logged.")


def more_scalars(
    name: str, data: bytes, known: set[str], start: int = 0
) -> Iterator[tuple[str, int, float]]:
    """The scalars in these records of a file.

    Args:
        known: the tags that were scalars before; added to.
        start: where in the file the records begin, for errors.
    """
    # Imported here because they load numpy.
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    for at, record, checksum in _records(name, data, start):
        try:
            event = Event.FromString(record)
            found = [
                (value.tag, number)
                for value in event.summary.value
                if (number := _scalar(value, value.tag in known)) is not None
            ]
        # A KeyError means a type without numbers, such as DT_VARIANT.
        except (DecodeError, KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
            raise _damaged(name, at) from error
        if (found or len(record) <= CHECKED_BYTES) and checksum_of(record) != checksum:
            raise _damaged(name, at)
        for tag, number in found:
            known.add(tag)
            yield tag, event.step, number


def whole(data: bytes) -> int:
    """How many of these bytes are whole records, since the last may still be being written; all of
    them where one is damaged.
    """
    done, size = 0, len(data)
    while done + 12 <= size:
        if _checksum_of_length(data[done : done + 8]) != CHECKSUM.unpack_from(data, done + 8)[0]:
            return size
        end = done + 12 + LENGTH.unpack_from(data, done)[0] + 4
        if end > size:
            break
        done = end
    return done


def _records(name: str, data: bytes, first: int) -> Iterator[tuple[int, bytes, int]]:
    """Where in the file each record starts, its content and the checksum of that.

    Each is framed by its length, a checksum of the length, and the checksum of the content.
    """
    done, size = 0, len(data)
    while done < size:
        start = done + 12
        if start > size:
            raise _cut_off(name, first + done, first + size)
        length, checksum = data[done : done + 8], data[done + 8 : start]
        if _checksum_of_length(length) != CHECKSUM.unpack(checksum)[0]:
            raise _damaged(name, first + done)
        end = start + LENGTH.unpack(length)[0]
        if end + 4 > size:
            raise _cut_off(name, first + done, first + size)
        yield first + done, data[start:end], CHECKSUM.unpack_from(data, end)[0]
        done = end + 4


def checksum_of(data: bytes) -> int:
    """TensorBoard's checksum of these bytes."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    return int(masked_crc32c(data))


_checksum_of_length = lru_cache(checksum_of)  # most records are of a few lengths


def _damaged(name: str, at: int) -> CurveError:
    return CurveError(f"{name} is damaged after byte {at}: copy it again.")


def _cut_off(name: str, at: int, size: int) -> CurveError:
    return CurveError(f"{name} is damaged or cut off after byte {at} of {size}: copy it again.")


def _scalar(value: Any, known: bool) -> float | None:
    """A number in the old or the new format; None if it is not a scalar.

    Only the first value of a tag has to be marked as a scalar: `known` for the others.
    """
    from tensorboard.util.tensor_util import make_ndarray

    if value.HasField("simple_value"):
        return float(value.simple_value)
    if value.metadata.plugin_data.plugin_name != "scalars" and not known:
        return None
    if value.tensor.tensor_shape.dim:
        raise ValueError("a scalar has no dimensions")
    return float(make_ndarray(value.tensor).item())
