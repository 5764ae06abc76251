"""What a file has, where it alone was given as the network."""

import pytest

from tests.own.made import NET, network
from trainer.config.table import ConfigError, to_config
from trainer.own.naming import with_names


def refused(model: str) -> str:
    with pytest.raises(ConfigError) as caught:
        to_config({"model": model, "lr": "none"})
    told = with_names(caught.value, model).problems
    assert ("lr", None) in told
    return told["model", None]


@pytest.mark.parametrize("end", ["", ":"])
def test_the_classes_and_functions_of_the_file_are_named_and_nothing_is_run(tmp_path, end):
    text = f"import os\nSIZE = 3\n{NET}\ndef _of_its_own(): ...\ndef small(): ...\nos._exit(3)\n"
    file = network(tmp_path, text).removesuffix(":Net")
    assert refused(f"{file}{end}") == (
        f"Model must name what makes the network, as in {file}:Net; {file} has Net, small."
    )


def test_only_the_first_of_many_are_named(tmp_path):
    text = "\n".join(f"def net{i}(): ..." for i in range(9))
    assert refused(str(tmp_path / network(tmp_path, text).removesuffix(":Net"))).endswith(
        " has net0, net1, net2, net3, net4, net5 and 3 more."
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SIZE = 3", "{file} has no class and no function that makes a network."),
        ("class Net(:", "{file}, line 1: invalid syntax."),
    ],
)
def test_a_file_without_a_network_is_told(tmp_path, text, says):
    file = network(tmp_path, text).removesuffix(":Net")
    assert refused(file) == says.format(file=file)


def test_a_file_that_is_not_there_is_told(tmp_path):
    assert refused(f"{tmp_path}/none.py") == f"There is no file {tmp_path}/none.py."


def test_another_mistake_stays_as_it_is():
    assert refused("resnet35").startswith("Model must be one of cnn, ")
