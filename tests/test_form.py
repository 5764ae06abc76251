"""config <-> controls <-> URL, without a browser."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import form, ids
from trainer.config.optimizers import OPTIMIZERS
from trainer.config.run import RunConfig
from trainer.config.schedules import SCHEDULES, CyclicLR, StepLR
from trainer.config.table import ConfigError, to_config
from trainer.config.table import chosen as settings_that_count


def controls(component: Any) -> list[Any]:
    """The controls of settings in a piece of the page."""
    identity = getattr(component, "id", None)
    found = [component] if isinstance(identity, dict) and identity["type"] == "run-field" else []
    children = component if isinstance(component, list) else getattr(component, "children", None)
    for child in children if isinstance(children, list) else [children]:
        if hasattr(child, "to_plotly_json"):
            found += controls(child)
    return found


def shown(config: RunConfig) -> tuple[list[dict[str, str]], list[Any]]:
    """The ids and the values of the form's controls."""
    drawn = controls(form.layout(config))
    return [control.id for control in drawn], [control.value for control in drawn]


def refused(config: RunConfig, **changed: str) -> dict[tuple[str, str], str]:
    """What is refused, and where, when controls of a config's form are changed."""
    fields, values = shown(config)
    values = [
        changed.get(f["key"].replace("-", "_"), v) for f, v in zip(fields, values, strict=True)
    ]
    with pytest.raises(ConfigError) as refusal:
        form.parse(fields, values)
    return {(p["id"]["key"], p["id"]["owner"]): p["sentence"] for p in form.problems(refusal.value)}


configs = st.builds(
    RunConfig,
    lr=st.floats(1e-6, 0.04),
    epochs=st.integers(1, 10_000),
    seed=st.integers(0, 2**31 - 1),
    schedule=st.sampled_from([cls.model_validate({}) for cls in SCHEDULES.values()]),
    optimizer=st.sampled_from([cls() for cls in OPTIMIZERS.values()]),
    monitor=st.sampled_from(["val_loss", "train_loss", "val_accuracy"]),
)


@given(configs)
def test_a_config_survives_its_url(config: RunConfig) -> None:
    assert form.from_query(form.to_query(config)) == config


@settings(max_examples=settings.default.max_examples // 4)  # an example draws a whole config
@given(configs)
def test_a_config_survives_the_controls(config: RunConfig) -> None:
    assert form.parse(*shown(config)) == config


def test_the_default_needs_no_url() -> None:
    assert form.to_query(RunConfig()) == ""
    assert form.from_query("") == RunConfig()


def test_a_url_holds_only_what_is_not_the_default() -> None:
    config = RunConfig(lr=0.02, schedule=StepLR(step_size=7))
    assert form.to_query(config) == "?lr=0.02&schedule=StepLR&step-size=7" or set(
        form.to_query(config)[1:].split("&")
    ) == {"lr=0.02", "schedule=StepLR", "step-size=7"}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_setting_that_counts_has_one_control_with_a_label_and_a_line_of_help(
    schedule: str, optimizer: str
) -> None:
    chosen = {"schedule": schedule, "optimizer": optimizer}
    drawn = controls(form.layout(to_config(chosen)))
    expected = [ids.field(s.key, s.owner) for s in settings_that_count(chosen)]
    expected += [ids.field(key, ids.OWN) for key in form.OF_OWN]
    expected += [ids.field(key, None) for key in form.OWN_SETTINGS]
    assert sorted(str(c.id) for c in drawn) == sorted(map(str, expected))
    for control in drawn:
        assert control.label.children
        assert control.description.endswith(".")


def test_a_refusal_is_at_its_own_control_and_at_no_other() -> None:
    assert refused(RunConfig(), factor="2") == {
        ("factor", "ReduceLROnPlateau"): "Factor must be a number above 0 and below 1."
    }
    assert refused(RunConfig(), lr="", epochs="0") == {
        ("lr", ""): "Learning rate must be a number above 0 and at most 100.",
        ("epochs", ""): "Epochs must be a whole number from 1 to 10,000.",
    }


def test_a_rule_between_two_fields_is_shown_at_the_control_that_can_mend_it() -> None:
    assert refused(RunConfig(schedule=CyclicLR()), lr="0.5") == {
        ("max-lr", "CyclicLR"): "Max LR must be above the learning rate, 0.5."
    }


def test_the_controls_of_a_schedule_that_was_just_left_do_not_count() -> None:
    fields, values = shown(RunConfig())
    values[fields.index(ids.field("schedule", None))] = "StepLR"
    assert form.parse(fields, values) == RunConfig(schedule=StepLR())
