"""The table of settings: what it accepts, what it refuses in which words, that it is torch's."""

import inspect
import re
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.config.optimizers import OPTIMIZERS
from trainer.config.run import OF_OWN_DATA, RunConfig
from trainer.config.schedules import SCHEDULES
from trainer.config.table import (
    PRESETS,
    SETTINGS,
    ConfigError,
    Setting,
    chosen,
    from_config,
    to_config,
    to_recipe,
)

NUMBERS = [setting for setting in SETTINGS if setting.kind in ("int", "float")]


def name_of(setting: Setting) -> str:
    return f"{setting.owner}.{setting.name}" if setting.owner else setting.name


def with_owner(setting: Setting, value: Any) -> dict[str, Any]:
    """Values that choose the setting's owner and set it."""
    owner: dict[str, Any] = {} if setting.group == "run" else {setting.group: setting.owner}
    if setting.name in OF_OWN_DATA:
        owner = {"dataset": "/data/flowers"}
    return {**owner, setting.key: value}


def values_of(setting: Setting) -> st.SearchStrategy[Any]:
    match setting.kind:
        case "choice":
            own = {"dataset": ["/data/flowers"], "model": ["/code/model.py:Net", "resnet34"]}
            return st.sampled_from([*setting.choices, *own.get(setting.key, [])])
        case "bool":
            return st.booleans()
        case "int":
            assert setting.least is not None
            assert setting.most is not None
            return st.integers(int(setting.least), int(setting.most))
        case "float":
            ends: dict[str, Any] = {
                "exclude_min": True,
                "exclude_max": True,
                "allow_subnormal": False,
            }
            return st.one_of(
                st.floats(setting.least, setting.most, **ends), st.just(setting.default)
            )
        case "list":
            return st.lists(st.integers(1, 10_000), min_size=1, max_size=50).map(tuple)
        case "text":
            return st.text("abc Ü_1", max_size=20)


@st.composite
def values(draw: st.DrawFn) -> dict[str, Any]:
    """Values by key of a config that keeps every rule."""
    drawn: dict[str, Any] = {
        "schedule": draw(st.sampled_from(list(SCHEDULES))),
        "optimizer": draw(st.sampled_from(list(OPTIMIZERS))),
    }
    drawn["dataset"] = draw(values_of(next(s for s in SETTINGS if s.key == "dataset")))
    for setting in chosen(drawn):
        if setting.path not in drawn:
            drawn[setting.key] = draw(values_of(setting))
    drawn["warmup"] = min(drawn["warmup"], drawn["epochs"] - 1)
    if drawn["schedule"] == "CyclicLR" and drawn["max-lr"] <= drawn["lr"]:
        drawn["lr"] = drawn["max-lr"] / 2
    if drawn["optimizer"] == "SGD" and drawn.get("momentum") == 0:
        drawn["nesterov"] = False
    return drawn


@settings(max_examples=settings.default.max_examples // 4)  # an example draws a whole config
@given(values())
def test_a_config_comes_back_from_its_values(drawn):
    config = to_config(drawn)
    assert from_config(config) == drawn
    assert to_config(from_config(config)) == config


@settings(max_examples=settings.default.max_examples // 4)  # an example draws a whole config
@given(values())
def test_a_config_comes_back_from_its_texts(drawn):
    config = to_config(drawn)
    texts = {setting.key: setting.text(drawn[setting.key]) for setting in chosen(drawn)}
    assert to_config(texts) == config


@settings(max_examples=settings.default.max_examples // 4)  # an example draws a whole config
@given(values())
def test_a_config_comes_back_from_its_json(drawn):
    config = to_config(drawn)
    assert RunConfig.model_validate_json(config.model_dump_json()) == config


def test_nothing_given_is_the_default():
    assert to_config({}) == RunConfig()


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_a_preset_comes_back_from_its_values(preset):
    assert to_config(from_config(preset)) == preset


def test_text_is_understood_as_in_a_form():
    config = to_config(
        {
            "schedule": "MultiStepLR",
            "milestones": " 3 5,8 ",
            "lr": "1e-3",
            "epochs": "12",
            "optimizer": "SGD",
            "nesterov": "on",
        }
    )
    assert config.schedule.milestones == (3, 5, 8)
    assert (config.lr, config.epochs, config.optimizer.nesterov) == (1e-3, 12, True)


def test_a_word_stands_for_its_number():
    threads = next(setting for setting in SETTINGS if setting.key == "threads")
    assert to_config({"threads": "auto"}).threads == to_config({}).threads == 0
    assert [threads.text(count) for count in (0, 1, 12)] == ["auto", "1", "12"]


# What is refused


def problems(given: Mapping[str, Any]) -> dict[tuple[str, str | None], str]:
    with pytest.raises(ConfigError) as caught:
        to_config(given)
    assert str(caught.value) == " ".join(caught.value.problems.values())
    return caught.value.problems


@pytest.mark.parametrize("setting", NUMBERS, ids=name_of)
def test_a_number_out_of_bounds_is_refused_at_its_place(setting):
    for value in (setting.least - 1, setting.most + 1):
        ((place, sentence),) = problems(with_owner(setting, value)).items()
        assert place == (setting.path, setting.owner)
        assert sentence.startswith(f"{setting.label} must be a")
        assert f" {setting.least:,.10g} " in sentence
        assert f" {setting.most:,.10g}" in sentence
        assert sentence.endswith(".")


@pytest.mark.parametrize("setting", NUMBERS, ids=name_of)
def test_a_bound_is_written_in_full(setting):
    """As long as it has to be to read back as the bound itself, and never as 2.1e+09."""
    (sentence,) = problems(with_owner(setting, setting.most + 1)).values()
    numbers = [float(n.replace(",", "")) for n in re.findall(r"\d[\d,.e-]*", sentence)]
    assert {setting.least, setting.most} <= set(numbers)
    assert "e+" not in sentence
    refused = problems({"seed": 2**31})["seed", None]
    assert refused == "Seed must be a whole number from 0 to 2,147,483,647."


@pytest.mark.parametrize("group", ["schedule", "optimizer"])
@pytest.mark.parametrize("name", ["Foo", "", "none, please", None, ["StepLR"]])
def test_a_class_that_does_not_exist_is_refused_before_its_settings(group, name):
    own = {"patience": 3, "max-lr": 1, "beta1": 0.5, "momentum": 0.1}
    ((place, sentence),) = problems({group: name, **own}).items()
    assert place == (group, None)
    assert sentence.startswith(f"{group.capitalize()} must be one of ")


@pytest.mark.parametrize("setting", NUMBERS, ids=name_of)
@pytest.mark.parametrize("value", ["", "ten", "1,5,2", None, "nan", "inf"])
def test_no_number_is_refused_at_its_place(setting, value):
    ((place, sentence),) = problems(with_owner(setting, value)).items()
    assert place == (setting.path, setting.owner)
    assert sentence == f"{setting.label} must be {setting.permitted}."


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.kind == "int"], ids=name_of)
@pytest.mark.parametrize("value", [2.5, "2.5", "1e99", "9" * 5000])
def test_a_broken_number_is_refused_where_a_whole_one_is_asked(setting, value):
    ((place, sentence),) = problems(with_owner(setting, value)).items()
    assert (place, sentence) == (
        (setting.path, setting.owner),
        f"{setting.label} must be {setting.permitted}.",
    )


@pytest.mark.parametrize(
    "setting", [s for s in SETTINGS if s.kind in ("choice", "bool")], ids=name_of
)
def test_an_unknown_choice_is_refused_at_its_place(setting):
    ((place, sentence),) = problems(with_owner(setting, "sideways")).items()
    assert place == (setting.path, setting.owner)
    assert sentence.startswith(setting.label)
    assert all(choice in sentence for choice in setting.choices)


@pytest.mark.parametrize(
    ("text", "number"), [("0,02", 0.02), ("1,5e-3", 1.5e-3), (",5", 0.5), ("0,001", 0.001)]
)
def test_a_decimal_comma_is_understood(text, number):
    assert to_config({"lr": text}).lr == number


@pytest.mark.parametrize("text", ["1,000", "0,0,2", "0,02.5", "1,", ","])
def test_other_commas_are_refused_and_no_thousand_becomes_one(text):
    sentence = "Learning rate must be a number above 0 and at most 100."
    assert problems({"lr": text}) == {("lr", None): sentence}


@pytest.mark.parametrize("value", ["", "0", "2, x", "1.5", "10001", " ".join(["1"] * 51)])
def test_milestones_that_are_no_epochs_are_refused(value):
    given = {"schedule": "MultiStepLR", "milestones": value}
    ((place, sentence),) = problems(given).items()
    assert place == ("schedule.milestones", "MultiStepLR")
    assert sentence == (
        "Milestones must be 1 to 50 whole numbers from 1 to 10,000, such as 20, 35, 45."
    )


@pytest.mark.parametrize(
    ("key", "permitted"),
    [
        ("lr", "a number above 0 and at most 100"),
        ("factor", "a number above 0 and below 1"),
        ("beta1", "a number at least 0 and below 1"),
        ("weight-decay", "a number from 0 to 1"),
        ("seed", "a whole number from 0 to 2,147,483,647"),
        ("monitor", "one of val_loss, train_loss, val_accuracy"),
        ("amsgrad", "on or off"),
    ],
)
def test_what_is_permitted_is_said_with_both_ends(key, permitted):
    label = next(s.label for s in chosen({}) if s.key == key)
    assert list(problems({key: "?"}).values()) == [f"{label} must be {permitted}."]


def test_many_unknown_settings_or_a_long_one_are_not_all_listed():
    assert len(problems({f"x{i}": 1 for i in range(10_000)})) == 5
    assert len(" ".join(problems({"x" * 10_000: 1}).values())) < 300


@pytest.mark.parametrize("name", ["", "x" * 201])
def test_a_monitor_without_a_name_or_with_a_long_one_is_refused(name):
    with pytest.raises(ConfigError) as caught:
        to_recipe({"monitor": name})
    assert str(caught.value) == "Monitor must be a name of 1 to 200 characters."


def test_a_factor_of_zero_or_one_is_refused():
    said = "Factor must be a number above 0 and below 1."
    for factor in ("0", "1"):
        assert problems({"factor": factor}) == {("schedule.factor", "ReduceLROnPlateau"): said}


def test_every_value_at_fault_has_its_own_sentence():
    assert problems({"lr": "fast", "patience": "-1", "beta1": "1"}) == {
        ("lr", None): "Learning rate must be a number above 0 and at most 100.",
        (
            "schedule.patience",
            "ReduceLROnPlateau",
        ): "Patience must be a whole number from 0 to 10,000.",
        ("optimizer.beta1", "Adam"): "Beta 1 must be a number at least 0 and below 1.",
    }


def test_rules_between_two_settings_are_told_beside_one_of_them():
    assert problems({"warmup": 50}) == {
        ("warmup", None): "Warm-up must be shorter than the run of 50 epochs."
    }
    assert problems({"schedule": "CyclicLR", "max-lr": 0.01}) == {
        ("schedule.max_lr", None): "Max LR must be above the learning rate, 0.01."
    }
    assert problems({"optimizer": "SGD", "nesterov": "on", "momentum": 0}) == {
        ("optimizer.nesterov", "SGD"): "Nesterov needs a momentum above 0."
    }


def test_a_setting_of_another_schedule_or_optimizer_is_refused_by_name():
    assert problems({"schedule": "CosineAnnealingLR", "patience": 3}) == {
        ("patience", None): "patience does not belong to the schedule CosineAnnealingLR; "
        "it belongs to ReduceLROnPlateau."
    }
    assert problems({"momentum": 0.5}) == {
        ("momentum", None): "momentum does not belong to the optimizer Adam; "
        "it belongs to SGD, RMSprop."
    }
    assert problems({"pacience": 3}) == {
        ("pacience", None): "There is no setting 'pacience'. The nearest is patience."
    }


# The table itself


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_key_names_one_setting_for_every_schedule_and_optimizer(schedule, optimizer):
    keys = [s.key for s in chosen({"schedule": schedule, "optimizer": optimizer})]
    assert len(keys) == len(set(keys))


def test_a_key_belongs_to_one_group_and_one_kind():
    for setting in SETTINGS:
        same = {(s.group, s.kind) for s in SETTINGS if s.key == setting.key}
        assert same == {(setting.group, setting.kind)}


def test_every_field_of_the_config_is_in_the_table():
    paths = {(s.path, s.owner) for s in SETTINGS}
    for name in RunConfig.model_fields:
        assert (name, None) in paths
    for group, classes in (("schedule", SCHEDULES), ("optimizer", OPTIMIZERS)):
        for owner, cls in classes.items():
            for name in cls.model_fields.keys() - {"name"}:
                assert (f"{group}.{name}", owner) in paths


@pytest.mark.parametrize("setting", SETTINGS, ids=name_of)
def test_every_setting_has_a_label_a_help_and_a_default_in_its_bounds(setting):
    assert setting.label
    assert setting.help.endswith(".")
    if setting.kind == "choice":
        assert setting.default in setting.choices
        assert setting.words.keys() <= set(setting.choices)
    if setting in NUMBERS:
        assert setting.least <= setting.default <= setting.most
    if setting.slider:
        low, high = setting.slider
        assert setting.least <= low <= high <= setting.most
        assert low <= setting.default <= high or (setting.default == 0 and setting.scale == "log")
        assert setting.scale in ("log", "linear")
        assert setting.scale == "linear" or low > 0


@pytest.mark.parametrize("name", [*SCHEDULES, *OPTIMIZERS])
def test_the_defaults_of_every_class_pass_its_own_rules(name):
    default = (SCHEDULES | OPTIMIZERS)[name].model_validate({})
    assert type(default).model_validate(default.model_dump()) == default


@pytest.mark.parametrize(
    ("cls", "fields"),
    [
        *(
            (getattr(torch.optim.lr_scheduler, name), cls.model_fields)
            for name, cls in SCHEDULES.items()
            if name != "none"
        ),
        *((getattr(torch.optim, name), cls.model_fields) for name, cls in OPTIMIZERS.items()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_setting_is_an_argument_of_torchs_class(cls, fields):
    arguments = inspect.signature(cls).parameters
    renamed = {"beta1": "betas", "beta2": "betas"}
    assert {renamed.get(name, name) for name in fields.keys() - {"name"}} <= arguments.keys()
