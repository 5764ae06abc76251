"""A step replayed as a CUDA graph is the same step. Runs on every device that there is."""

from pathlib import Path

import pytest
import torch

from tests.engine.test_loop import epochs, tiny
from trainer.config import optimizers, schedules
from trainer.config.optimizers import OPTIMIZERS
from trainer.engine import cuda_graph as graphs
from trainer.engine.control import Control
from trainer.engine.loop import train

NOWHERE = Path("no-such-folder")  # digits need none
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", [schedules.ExponentialLR(gamma=0.7), schedules.OneCycleLR()])
def test_a_run_has_the_same_numbers_with_a_graph_and_without(device, optimizer, schedule):
    # A small LR: eager and captured steps may choose kernels that round otherwise.
    run = tiny(
        device=device, optimizer=OPTIMIZERS[optimizer](), schedule=schedule, batch_size=128, lr=1e-3
    )
    plain = epochs(train(run, NOWHERE))
    graphed = epochs(train(run.model_copy(update={"cuda_graph": True}), NOWHERE))
    assert [e.lr_last for e in graphed] == [e.lr_last for e in plain]
    for with_graph, without in zip(graphed, plain, strict=True):
        assert with_graph.metrics["train_loss"] == pytest.approx(
            without.metrics["train_loss"], rel=1e-4
        )
        assert with_graph.metrics["val_loss"] == pytest.approx(
            without.metrics["val_loss"], rel=1e-4
        )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("graph", [False, True])
def test_a_run_goes_on_from_a_snapshot_with_the_same_numbers_on_every_device(device, graph):
    run = tiny(device=device, batch_size=128, epochs=4, cuda_graph=graph)
    whole = epochs(train(run, NOWHERE))
    control = Control()
    events = train(run, NOWHERE, control)
    while len(epochs([next(events)])) == 0:
        pass
    snapshot = control.capture()
    events.close()
    rest = epochs(train(run, NOWHERE, None, snapshot))
    assert [e.metrics["val_loss"] for e in rest] == pytest.approx(
        [e.metrics["val_loss"] for e in whole[1:]], rel=1e-4
    )


def test_a_graph_is_made_only_where_it_can_be_the_same_step():
    cuda = torch.device("cuda")
    asked = tiny(cuda_graph=True)
    assert graphs.uses_graph(asked, cuda)
    assert not graphs.uses_graph(asked, torch.device("cpu"))
    assert not graphs.uses_graph(tiny(), cuda)
    assert not graphs.uses_graph(tiny(cuda_graph=True, schedule=schedules.OneCycleLR()), cuda)
    assert graphs.uses_graph(
        tiny(cuda_graph=True, schedule=schedules.OneCycleLR(cycle_momentum=False)), cuda
    )
    assert not graphs.uses_graph(tiny(cuda_graph=True, optimizer=optimizers.Adagrad()), cuda)
