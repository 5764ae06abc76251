"""Batches per epoch of a sweep's cells. torch-free."""

from collections.abc import Sequence

from ..config.run import RunConfig
from ..failures import reason
from ..own import survey
from ..store.run import Run


def batches_of(cells: Sequence[Run]) -> tuple[dict[int, int], dict[int, str]]:
    """Batches per epoch by cell, as far as it may need them, and why some cannot be trained."""
    found, failed = dict[int, int](), dict[int, str]()
    for cell in cells:
        assert cell.config is not None
        if cell.started:
            found[cell.id] = cell.started.batches
        elif not cell.over:
            try:
                found[cell.id] = batches(cell.config)
            except Exception as error:
                if (why := reason(error)) is None:
                    raise
                failed[cell.id] = why
    return found, failed


def batches(config: RunConfig) -> int:
    """Batches per epoch; of one's own data, once it was looked at."""
    return config.batches or survey.batches(config)
