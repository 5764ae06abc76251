"""Data and networks of one's own in a config: by whole paths, and stored as ever without them."""

import json
from pathlib import Path

import pytest

from trainer.config.own import called
from trainer.config.run import OF_OWN_DATA, RunConfig
from trainer.config.table import ConfigError, setting_of, to_config


def test_a_config_without_them_is_stored_as_before():
    stored = json.loads(RunConfig().model_dump_json())
    assert not stored.keys() & set(OF_OWN_DATA)
    assert (stored["dataset"], stored["model"]) == ("digits", "cnn")
    assert [*RunConfig(image_size=64, target="price").model_dump()][-8:] == [
        "model", "image_size", "target", "batch_size", "seed", "device", "cuda_graph", "threads",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("./flowers", "{cwd}/flowers"),
        ("flowers/", "{cwd}/flowers"),
        ("../a.csv", "{parent}/a.csv"),
        ("wine.csv", "{cwd}/wine.csv"),
        ("~/pictures", "{home}/pictures"),
        ("/data/x.npz", "/data/x.npz"),
    ],
)
def test_a_path_is_made_whole(typed, whole, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    told = whole.format(cwd=tmp_path, parent=tmp_path.parent, home=tmp_path / "home")
    assert to_config({"dataset": typed}).dataset == told
    assert to_config({"dataset": told}).dataset == told


def test_a_network_is_a_file_and_a_name_in_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert to_config({"model": "model.py:Net"}).model == f"{tmp_path}/model.py:Net"
    assert to_config({"model": "resnet34"}).model == "resnet34"


def test_the_paths_of_another_system_can_be_read():
    config = RunConfig(dataset="C:\\data\\flowers", model="C:\\code\\model.py:Net")
    assert RunConfig.model_validate_json(config.model_dump_json()) == config
    assert to_config({"dataset": config.dataset}).dataset == config.dataset
    assert (called(config.dataset), called(config.model)) == ("flowers", "Net")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dataset", "flowers"),
        ("dataset", ""),
        ("dataset", "/data/a\nb"),
        ("dataset", "/" + 2000 * "a"),
        ("dataset", "/data/\u202egnp"),
        ("model", "model.py"),
        ("model", "./model.py:1"),
        ("model", "./model.txt:Net"),
        ("model", "resnet35"),
        ("target", "a\x1b[2J"),
        ("target", 201 * "a"),
    ],
)
def test_what_is_neither_is_refused_in_a_sentence(key, value):
    with pytest.raises(ConfigError) as caught:
        to_config({"dataset": "/data/flowers", key: value})
    ((path, _), sentence) = next(iter(caught.value.problems.items()))
    assert path == key
    assert sentence.startswith(f"{setting_of(key).label} must be ")


@pytest.mark.parametrize(
    ("value", "name"),
    [("/data/flowers", "flowers"), ("/data/wine.csv", "wine.csv"), ("/m.py:Net", "Net"),
     ("digits", "digits"), ("/", "/")],
)  # fmt: skip
def test_it_is_called_by_its_last_part(value, name):
    assert called(value) == name


def test_batches_are_unknown_until_the_data_is_looked_at():
    assert RunConfig().batches == 17
    assert RunConfig(dataset=str(Path("/data/flowers"))).batches is None
