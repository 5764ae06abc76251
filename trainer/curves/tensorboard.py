"""Reads all scalars of a TensorBoard event file, or raises an error. torch-free."""

from pathlib import Path
from typing import Any

from .columns import CurveError


def scalars(path: Path) -> dict[str, dict[int, float]]:
    """The values of every scalar tag, by step; the last one if a step was recorded twice, as in
    TensorBoard. Images, texts and so on are skipped.

    Raises:
        CurveError: a record is damaged or cut off, or there are no scalars. A file that is cut off
            between two records cannot be detected.
    """
    # Imported here because they load numpy.
    from google.protobuf.message import DecodeError
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    found: dict[str, dict[int, float]] = {}
    done, size = 0, path.stat().st_size
    try:
        for record in RawEventFileLoader(str(path)).Load():
            event = Event.FromString(record)
            for value in event.summary.value:
                number = _scalar(value, value.tag in found)
                if number is not None:
                    found.setdefault(value.tag, {})[event.step] = number
            done += len(record) + 16  # its length and two checksums
    # A KeyError means a type without numbers, such as DT_VARIANT.
    except (DecodeError, KeyError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise CurveError(f"{path.name} is damaged after byte {done}: copy it again.") from error
    if done < size:  # the loader just stops, since the file might still be growing
        raise CurveError(
            f"{path.name} is damaged or cut off after byte {done} of {size}: copy it again."
        )
    if not found:
        raise CurveError(f"{path.name} has no scalars: choose a file in which a loss is logged.")
    return found


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
