"""A run as an event file that TensorBoard lists: scalars by epoch, and hyperparameters. torch-free.

TensorBoard keeps a scalar in 32 bits; CSV and JSON Lines have every number in full.
"""

import io
from collections.abc import Mapping
from typing import Any

from ..schedule.epoch import Epoch
from ..store.lineage import lineage
from ..store.run import Run
from ..store.store import Store
from .tables import known

VERSION = "brain.Event:2"
GONE_WELL, GONE_WRONG = 1, 2  # TensorBoard's words for how a session ended
TESTED = "test_accuracy"


def events(store: Store, run: int) -> bytes:
    """A run's event file. Its name must have `tfevents` in it.

    Raises:
        CommandError: there is no such run.
    """
    return written(known(store, run), lineage(store, run))


def written(row: Run, epochs: list[Epoch]) -> bytes:
    """The event file of a run with these epochs. A metric that is not finite is NaN."""
    # Imported here because they load numpy.
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    file = io.BytesIO()
    writer = RecordWriter(file)
    now = row.began or row.created

    def add(step: int, values: list[Any]) -> None:
        event = Event(wall_time=now, step=step, summary=Summary(value=values))
        writer.write(event.SerializeToString())

    def scalars(step: int, numbers: Mapping[str, float | None]) -> None:
        nan = float("nan")
        add(step, [Summary.Value(tag=t, simple_value=nan if n is None else n)
                   for t, n in numbers.items()])  # fmt: skip

    writer.write(Event(wall_time=now, file_version=VERSION).SerializeToString())
    add(0, [_started(row, now)])
    for epoch in epochs:
        now += epoch.seconds
        last = {"lr_last": epoch.lr_last} if epoch.lr_last != epoch.lr else {}
        scalars(epoch.epoch, {"lr": epoch.lr, **last, **epoch.metrics})
    if row.test_accuracy is not None:
        scalars(row.epoch, {TESTED: row.test_accuracy})
    if row.over:
        add(0, [_ended(row, now)])
    return file.getvalue()


def _started(row: Run, at: float) -> Any:
    """The hyperparameters: every setting of the run by its key."""
    from tensorboard.plugins.hparams import plugin_data_pb2 as data
    from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG

    start = data.SessionStartInfo(start_time_secs=at, group_name=f"run {row.id}")
    for key, value in row.settings.items():
        match value:
            case bool():
                start.hparams[key].bool_value = value
            case int() | float():
                start.hparams[key].number_value = value
            case str():
                start.hparams[key].string_value = value
            case _:
                start.hparams[key].string_value = ", ".join(map(str, value))
    return _hparams(SESSION_START_INFO_TAG, data.HParamsPluginData(session_start_info=start))


def _ended(row: Run, at: float) -> Any:
    from tensorboard.plugins.hparams import plugin_data_pb2 as data
    from tensorboard.plugins.hparams.metadata import SESSION_END_INFO_TAG

    status = GONE_WELL if row.status == "finished" else GONE_WRONG
    end = data.SessionEndInfo(status=status, end_time_secs=at)
    return _hparams(SESSION_END_INFO_TAG, data.HParamsPluginData(session_end_info=end))


def _hparams(tag: str, content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.metadata import NULL_TENSOR, create_summary_metadata

    metadata = create_summary_metadata(content)
    return Summary.Value(tag=tag, metadata=metadata, tensor=NULL_TENSOR)
