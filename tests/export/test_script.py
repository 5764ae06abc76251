"""A run's script gives the run's numbers, bit by bit."""

import pytest

from tests.export.scripts import printed, quick, recorded, trained
from tests.small import OPTIMIZERS, SCHEDULES
from trainer.export.script import script


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_with_every_schedule(store, root, optimizer):
    for schedule in SCHEDULES.values():
        run = trained(store, quick(optimizer=OPTIMIZERS[optimizer], schedule=schedule), root)
        assert len(recorded(store, run)) == 5
        assert printed(store, run, root) == recorded(store, run), script(store, run)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["Adam", "SGD", "Adagrad"])
def test_a_warm_up_before_every_schedule(store, root, optimizer, schedule):
    config = quick(
        optimizer=OPTIMIZERS[optimizer], schedule=SCHEDULES[schedule], warmup=2, epochs=6
    )
    run = trained(store, config, root)
    assert printed(store, run, root) == recorded(store, run), script(store, run)


@pytest.mark.usefixtures("few_colours")
@pytest.mark.parametrize("model", ["cnn", "lenet5", "resnet18"])
@pytest.mark.parametrize("dataset", ["fashion-mnist", "cifar10"])
def test_every_model_on_grey_and_coloured_images(store, root, model, dataset):
    run = trained(store, quick(model=model, dataset=dataset, epochs=2, seed=3), root)
    assert printed(store, run, root) == recorded(store, run)


def test_the_other_data_sets(store, root):
    for config in (quick(dataset="kmnist"), quick(dataset="digits", epochs=2, seed=5)):
        run = trained(store, config, root)
        assert printed(store, run, root) == recorded(store, run)


def test_a_monitor_that_rises(store, root):
    plateau = SCHEDULES["plateau"]
    run = trained(store, quick(monitor="val_accuracy", schedule=plateau, epochs=6), root)
    assert 'mode="max"' in script(store, run)
    assert printed(store, run, root) == recorded(store, run)
