"""Whether a config fits data of one's own, said before anything is trained."""

import pytest

from tests.own.made import digits_folder
from trainer.config.run import RunConfig
from trainer.config.schedules import OneCycleLR
from trainer.config.table import ConfigError
from trainer.own.fitting import refuse_unfit


def refused(config: RunConfig) -> dict[tuple[str, str | None], str]:
    with pytest.raises(ConfigError) as caught:
        refuse_unfit(config)
    return caught.value.problems


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b,c\n" + "".join(f"{i},{i / 7},{i / 3}\n" for i in range(30)))
    return str(path)


@pytest.mark.parametrize(("model", "name"), [("cnn", "CNN"), ("resnet34", "resnet34")])
def test_a_network_for_images_takes_no_rows(table, model, name):
    assert refused(RunConfig(dataset=table, model=model)) == {
        ("model", None): f"{name} takes images, and this data has rows of numbers: choose MLP or a "
        "network of your own."
    }
    refuse_unfit(RunConfig(dataset=table, model="mlp"))
    refuse_unfit(RunConfig(dataset=table, model="/code/model.py:Net"))


def test_images_that_are_too_small_are_refused(tmp_path):
    data = str(digits_folder(tmp_path / "digits"))
    assert refused(RunConfig(dataset=data, model="lenet5")) == {
        ("model", None): "LeNet-5 takes images of at least 16 pixels, and these have 8 × 8: choose "
        "a larger image size or MLP."
    }
    refuse_unfit(RunConfig(dataset=data, model="lenet5", image_size=16))
    refuse_unfit(RunConfig(dataset=data, model="cnn"))


def test_numbers_to_predict_have_no_accuracy_to_monitor(table):
    assert refused(RunConfig(dataset=table, model="mlp", monitor="val_accuracy")) == {
        ("monitor", None): "This data has numbers to predict, which have no accuracy: monitor "
        "val_loss."
    }


def test_a_schedule_is_checked_by_the_batches_of_the_data(tmp_path):
    own = {"dataset": str(digits_folder(tmp_path / "digits")), "batch_size": 40, "epochs": 4}
    config = RunConfig(**own, schedule=OneCycleLR(pct_start=0.25))
    assert "is a rise of one step" in refused(config)["schedule.pct_start", "OneCycleLR"]
    refuse_unfit(config.model_copy(update={"batch_size": 20}))
