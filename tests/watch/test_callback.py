"""What all callbacks share, whatever the library."""

import pytest
import torch

from tests.watch.epochs import ending
from trainer.watch.callback import Callback, Mean, numbers_of, opening, watching
from trainer.watch.scope import WatchWarning


class Watch(Callback):
    """Of a library whose every epoch surprises it."""

    @opening
    def begin(self, optimizer):
        self.calls_ = 0
        self.open_scope(optimizer=optimizer)

    @watching
    def end_epoch(self, _):
        self.calls_ += 1
        raise AttributeError("it has no epochs")


def test_an_error_in_a_callback_is_told_once_and_never_raised(tmp_path, optimizer):
    watch = Watch("mine", home=tmp_path)
    watch.begin(optimizer)
    with pytest.warns(WatchWarning, match="it has no epochs"):
        watch.end_epoch()
    watch.end_epoch()
    assert watch.calls_ == 1
    status, reason = ending(tmp_path)
    assert status == "failed"
    assert "it has no epochs" in str(reason)


def test_a_hook_does_nothing_while_nothing_is_watched():
    Watch("mine").end_epoch()


def test_an_error_as_a_training_begins_is_not_raised_either():
    with pytest.warns(WatchWarning, match="begin"):
        Watch("mine").begin()


def test_what_is_no_number_is_left_out():
    entries = {"a": torch.tensor(0.5), "b": [1], "c": torch.zeros(2), "d": "1", "e": 2}
    assert numbers_of(entries.items()) == {"a": 0.5, "e": 2.0}


def test_a_mean_begins_anew_when_it_is_taken():
    mean = Mean()
    for loss in (1.0, torch.tensor(2.0)):
        mean.add(loss)
    assert (mean.take(), mean.take()) == (1.5, None)
