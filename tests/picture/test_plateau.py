"""The exported page's plateau rule, step by step and bit by bit what torch's class does, and its
numbers as LRScope writes them.
"""

import json
import math
import random
from typing import Any

import pytest
import torch
from playwright.sync_api import BrowserContext
from torch.optim.lr_scheduler import ReduceLROnPlateau

from app.paths import assets_folder
from tests.lab.page import NEEDS_CHROMIUM
from trainer.config.text import distinct, lr_text, significant

pytestmark = NEEDS_CHROMIUM
SEQUENCES = 10_000
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 1.0, 5e-324, 1e308]

# Takes and gives text: the values one by one are most of what the test costs.
RUN = """(text) => JSON.stringify(JSON.parse(text, (key, value) =>
    ({ nan: NaN, inf: Infinity, "-inf": -Infinity })[value] ?? value)
  .map(({ values, lr, settings }) => {
    let state = window.lrscope.plateau.begin(lr, settings);
    return values.map((value) => {
      state = window.lrscope.plateau.step(state, value, settings);
      return [state.lr, state.best, state.bad, state.cooldown, state.did].map(String);
    });
  }))"""


def script(name: str) -> str:
    return (assets_folder() / "export" / name).read_text(encoding="utf-8")


def sequence(chance: random.Random) -> dict[str, Any]:
    """Values as they are found: falling, flat, tied, on the level to beat, and not finite."""
    mode, relative = chance.choice(["min", "max"]), chance.choice(["rel", "abs"])
    threshold = chance.choice([0.0, 1e-4, 1e-3, 0.1, 0.5, 1.0, chance.random()])
    values: list[float] = []
    value = chance.uniform(-1, 3)
    for _ in range(chance.randint(1, 24)):
        match chance.randrange(8):
            case 0:
                values.append(chance.choice(SPECIAL))
                continue
            case 1 if values:  # just on the level to beat, by the class's own arithmetic
                sign = -1 if mode == "min" else 1
                value = values[-1] * (1 + sign * threshold)
                if relative == "abs":
                    value = values[-1] + sign * threshold
            case 2 if values:
                value = values[-1]
            case 3 if values:
                value = math.nextafter(values[-1], chance.choice([-math.inf, math.inf]))
            case _:
                value += chance.gauss(-0.05, 0.1)
        values.append(value)
    return {
        "values": values,
        "lr": chance.choice([1.0, 0.1, 0.01, 1e-7, 3e-8, 0.0, chance.random()]),
        "settings": {
            "mode": mode,
            "factor": chance.choice([0.1, 0.5, 0.9, 0.999999, chance.random() or 0.5]),
            "patience": chance.choice([0, 0, 1, 2, 5]),
            "threshold": threshold,
            "threshold_mode": relative,
            "cooldown": chance.choice([0, 0, 1, 3]),
            "min_lr": chance.choice([0.0, 0.0, 1e-8, 1e-3, 0.5]),
            "eps": chance.choice([1e-8, 0.0, 1e-3]),
        },
    }


def by_torch(given: dict[str, Any]) -> list[tuple[float, float, int, int]]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=given["lr"])
    rule, found = ReduceLROnPlateau(optimizer, **given["settings"]), []
    for value in given["values"]:
        rule.step(value)
        lr = optimizer.param_groups[0]["lr"]
        found.append((lr, rule.best, rule.num_bad_epochs, rule.cooldown_counter))
    return found


def same(texts: list[str], wanted: tuple[float, float, int, int]) -> bool:
    numbers = [float(text.replace("Infinity", "inf")) for text in texts[:4]]
    return all(a == b for a, b in zip(numbers, wanted, strict=True))


def told(value: Any) -> Any:
    """As JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: told(part) for key, part in value.items()}
    return [told(part) for part in value] if isinstance(value, list) else value


def test_its_steps_are_those_of_torch_on_ten_thousand_sequences(browser: BrowserContext) -> None:
    chance = random.Random(7)
    given = [sequence(chance) for _ in range(SEQUENCES)]
    page = browser.new_page()
    page.evaluate(script("plateau.js"))
    found = json.loads(page.evaluate(RUN, json.dumps(told(given))))
    page.close()
    did, cuts = set(), 0
    for one, steps in zip(given, found, strict=True):
        wanted = by_torch(one)
        assert all(map(same, steps, wanted)), (one, steps, wanted)
        before = one["lr"]
        for (lr, *_), step in zip(wanted, steps, strict=True):
            assert (step[4] == "cut") == (lr != before)
            did.add(step[4])
            cuts += lr != before
            before = lr
    assert did == {"improved", "waiting", "cooldown", "cut", "no effect"}
    assert cuts > SEQUENCES


@pytest.mark.parametrize("seed", [1])
def test_its_learning_rates_are_written_as_lrscope_writes_them(
    browser: BrowserContext, seed: int
) -> None:
    chance = random.Random(seed)
    halves = [lr * 0.5**i for lr in (1.0, 0.1, 0.01, 5.0) for i in range(40)]
    lrs = [0.0, 1e-3, 999.5, 1000.0, 99.95, 0.0009995, *halves]
    lrs += [10 ** chance.uniform(-12, 2) for _ in range(2_000)]
    pairs = [(lr, math.nextafter(lr, 1.0)) for lr in lrs[:60]] + [(lr, lr / 3) for lr in lrs]
    page = browser.new_page()
    page.evaluate(script("numbers.js"))
    written = page.evaluate(
        """([lrs, pairs]) => [lrs.map((lr) => window.lrscope.numbers.lr(lr)),
        pairs.map((pair) => window.lrscope.numbers.distinct(...pair)),
        lrs.flatMap((lr) => [window.lrscope.numbers.significant(lr),
          window.lrscope.numbers.significant(-1e4 * lr)])]""",
        [lrs, [list(pair) for pair in pairs]],
    )
    page.close()
    assert written[0] == [lr_text(lr) for lr in lrs]
    assert written[2] == [significant(value) for lr in lrs for value in (lr, -1e4 * lr)]
    assert written[1] == [list(distinct(a, b, lr_text)) for a, b in pairs]
