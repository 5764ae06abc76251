"""Runs of one's own data and network wherever runs are told, listed, exported and trained again."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app import repeating, run_names
from trainer.compare.groups import Compared, grouped, shared
from trainer.config.run import RunConfig
from trainer.export import configs
from trainer.export.error import ExportError
from trainer.export.notebook import notebook
from trainer.export.script import script
from trainer.store.listing import Filter, Query, order
from trainer.store.store import Store

OWN = RunConfig(dataset="/data/flowers", model="/code/model.py:Net")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as store:
        yield store


def test_it_is_called_by_its_folder_and_its_class(store):
    run = store.run(store.add(OWN))
    assert run_names.details(run) == "Net · flowers · Adam 0.01"


@pytest.mark.parametrize("sought", ["flowers", "net"])
def test_it_is_found_by_these_names(store, sought):
    own, _ = store.add(OWN), store.add(RunConfig())
    assert order(store, Query(text=sought)) == [own]
    column = {"flowers": "dataset", "net": "model"}[sought]
    assert order(store, Query(filters=(Filter(column, "contains", sought),))) == [own]
    assert order(store, Query(filters=(Filter(column, "contains", "/"),))) == []


@pytest.mark.parametrize(
    "config",
    [OWN, RunConfig(dataset="/data/flowers"), RunConfig(model="/code/model.py:Net"),
     RunConfig(model="resnet34")],
)  # fmt: skip
@pytest.mark.parametrize("form", [script, notebook])
def test_its_script_is_refused_in_a_sentence_and_its_config_is_there(store, config, form):
    run = store.add(config)
    with pytest.raises(ExportError) as caught:
        form(store, run)
    assert str(caught.value) == (
        f"Run {run} has data or a network that LRScope has no code for: export its config, from "
        "which lrscope trains it again."
    )
    assert f'model = "{config.model}"' in configs.config(store, run)


def test_its_config_comes_back_from_its_file(store, tmp_path):
    config = OWN.model_copy(update={"image_size": 32, "target": "price"})
    path = tmp_path / "run.toml"
    path.write_text(configs.config(store, store.add(config)))
    from trainer.config.table import to_config

    assert to_config(configs.read(path)) == config


def test_other_seeds_train_it_again(store):
    run = store.add(OWN)
    again = repeating.other_seeds(store, run, 2)
    configs = [store.run(number).config for number in again]
    assert {(c.dataset, c.model) for c in configs} == {(OWN.dataset, OWN.model)}
    assert len({c.seed for c in configs}) == 3
    repeating.compared_with_constant(store, run)


def test_seeds_of_runs_before_it_are_still_found(store):
    """A config of LRScope's own data is stored as it was before there was any other."""
    first = store.add(RunConfig(seed=1))
    assert repeating.other_seeds(store, store.add(RunConfig(seed=2)), 1)[1] == first


def test_a_comparison_tells_them_by_their_names():
    other = OWN.model_copy(update={"image_size": 32, "lr": 0.02})
    both = grouped([Compared(1, OWN), Compared(2, other)])
    assert "Net, flowers" in shared(both)
    assert [group.name for group in both] == ["LR 0.01, image size auto", "LR 0.02, image size 32"]


def test_before_it_has_started_its_batches_are_not_known(store):
    assert store.run(store.add(OWN)).batches == 1
