"""A run's script gives the run's numbers, bit by bit."""

import pytest

from tests.export.scripts import printed, quick, recorded, trained
from tests.small import OPTIMIZERS, SCHEDULES
from trainer.export.errors import ExportError
from trainer.export.script import script


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_with_every_schedule(store, root, optimizer):
    for schedule in SCHEDULES.values():
        run = trained(store, quick(optimizer=OPTIMIZERS[optimizer], schedule=schedule), root)
        assert len(recorded(store, run)) == 5
        assert printed(store, run, root) == recorded(store, run), script(store, run)
