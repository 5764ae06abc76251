"""The losses within an epoch."""

from itertools import pairwise

import pytest
import torch

from trainer.watch.trace import POINTS, Trace


def traced(count: int, every: float, trace: Trace) -> list[list[float]]:
    """The points of an epoch of so many batches, so many seconds apart; a loss is its number."""
    for batch in range(count):
        now = batch * every
        if now >= trace.due:
            trace.add(now, batch, torch.tensor(float(batch)), 0.1)
    return trace.collect()


def test_a_short_epoch_has_every_batch():
    points = traced(20, 1.0, Trace())
    assert points == [[batch, float(batch), 0.1] for batch in range(20)]


@pytest.mark.parametrize("count", [65, 1000, 100_000])
def test_a_long_epoch_is_thinned_evenly(count):
    points = traced(count, 0.01, Trace())
    batches = [batch for batch, _, _ in points]
    assert POINTS / 2 < len(points) <= POINTS
    assert batches[0] == 0
    gaps = [b - a for a, b in pairwise(batches)]
    assert max(gaps) <= 2 * min(gaps)
    assert all(loss == batch for batch, loss, _ in points)
    assert batches[-1] > count - 2 * max(gaps)


def test_the_next_epoch_begins_with_the_points_as_far_apart():
    trace = Trace()
    for _ in range(3):
        trace.start()
        points = traced(10_000, 0.01, trace)
    gaps = {b[0] - a[0] for a, b in pairwise(points)}
    assert len(gaps) == 1
    for _ in range(20):  # and comes closer where epochs become shorter
        trace.start()
        points = traced(60, 0.01, trace)
    assert len(points) > POINTS / 2


def test_a_loss_on_a_device_that_cannot_copy_beside_its_work_is_no_point():
    trace = Trace()
    trace.add(0.0, 0, torch.empty((), device="meta"), 0.1)
    assert trace.collect() == []


def test_a_loss_that_carries_a_graph_is_a_number():
    trace = Trace()
    trace.add(0.0, 0, torch.ones((), requires_grad=True) * 2, 0.1)
    assert trace.collect() == [[0, 2.0, 0.1]]


def test_losses_that_are_several_are_no_number():
    with pytest.raises((RuntimeError, ValueError)):
        Trace().add(0.0, 0, torch.ones(3), 0.1)


if torch.cuda.is_available():

    def test_losses_on_a_cuda_device_come_without_a_wait():
        trace = Trace()
        device = torch.device("cuda")
        trace.add(0.0, 0, torch.tensor(1.0, device=device), 0.1)  # allocates
        torch.cuda.synchronize()
        assert trace.collect() == [[0, 1.0, 0.1]]
        torch.cuda._sleep(1_000_000_000)
        trace.add(1.0, 1, torch.tensor(2.0, device=device).half(), torch.tensor(0.5, device=device))
        assert len(trace.points) == 1  # still on its way
        torch.cuda.synchronize()
        assert trace.collect() == [[0, 1.0, 0.1], [1, 2.0, 0.5]]
