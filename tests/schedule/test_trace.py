"""Where the points of an epoch's trace lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.schedule.trace import POINTS, batch_place, group_size, groups, point_place


@given(batches=st.integers(1, 100_000))
def test_an_epoch_of_any_length_has_at_most_64_points(batches):
    count = groups(batches, batches)
    assert 1 <= count <= POINTS
    assert (count - 1) * group_size(batches) < batches <= count * group_size(batches)


@given(batches=st.integers(1, 2000), epoch=st.integers(1, 100))
def test_a_point_lies_amid_the_batches_that_it_is_the_mean_of(batches, epoch):
    places = [batch_place(epoch, batch, batches) for batch in range(batches)]
    size = group_size(batches)
    for point in range(groups(batches, batches)):
        group = places[point * size : (point + 1) * size]
        assert point_place(epoch, point, batches) == pytest.approx(sum(group) / len(group))


@given(batches=st.integers(1, 2000), epoch=st.integers(1, 100))
def test_batches_lie_evenly_from_half_an_epoch_before_to_half_an_epoch_after(batches, epoch):
    places = [batch_place(epoch, batch, batches) for batch in range(batches)]
    first, last = places[0] - (epoch - 0.5), epoch + 0.5 - places[-1]
    assert first == pytest.approx(0.5 / batches)
    assert last == pytest.approx(0.5 / batches)


@given(batches=st.integers(1, 2000))
def test_groups_become_complete_one_by_one(batches):
    size, counts = group_size(batches), [groups(batch, batches) for batch in range(batches + 1)]
    assert counts[0] == 0
    assert counts[:-1] == [batch // size for batch in range(batches)]
