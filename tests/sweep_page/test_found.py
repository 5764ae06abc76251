"""What the page shows of a way to find an LR: its figure, and the form that queues it."""

import math
from typing import Any

import pytest

from app.sweep import address, finding
from app.sweep.answered import answered, compared
from app.sweep.found import Found, found
from tests.small import NOWHERE, small
from tests.sweep.conftest import _small
from tests.sweep.find.test_finding import CONFIG, A, B
from tests.sweep.find.test_finding import found as trained
from tests.sweep.find.tries import of_seeds, row_of, tried
from trainer.config.table import ConfigError
from trainer.engine import range_test
from trainer.store.store import Store
from trainer.sweep.find.answers import best_here, which_lr
from trainer.sweep.find.finding import add_check, add_find, answer, execute_find
from trainer.sweep.find.plans import PLANS, RangeTest, cost
from trainer.sweep.find.ranging import apart_of
from trainer.sweep.find.suggestions import RULES

__all__ = ["_small"]  # a fixture: a data set of a moment
TABLE: dict[float, list[float | None]] = {
    1e-3: [0.5, 0.6],
    1e-2: [0.1, 0.12],
    3e-2: [0.11, 0.11],
    1e-1: [0.9, None],
}


def traces(shown: Found | None) -> dict[str, dict[str, Any]]:
    assert shown is not None
    return {trace["meta"]: trace for trace in shown.figure["data"]}


def test_the_scores_are_drawn_with_the_band_the_cliff_and_each_seed():
    runs = {(lr, seed): 10 * i + seed for i, lr in enumerate(TABLE) for seed in (0, 1)}
    drawn = traces(found("which", which_lr(of_seeds(TABLE), 0.1), runs))
    assert drawn["mean"]["x"] == [1e-3, 1e-2, 3e-2]
    assert drawn["mean"]["y"][1] == pytest.approx(math.sqrt(0.1 * 0.12))
    assert min(drawn["band"]["x"]) < 1e-2 < 3e-2 < max(drawn["band"]["x"]) < 1e-1
    assert drawn["cliff"]["x"] == [1e-1, 1e-1]
    assert drawn["diverged"]["x"] == [1e-1]
    assert drawn["answer"]["x"] == [1e-2]
    points = zip(
        drawn["seeds"]["x"], drawn["seeds"]["y"], drawn["seeds"]["customdata"], strict=True
    )
    assert (1e-2, 0.12, 11) in points


def test_nothing_measured_is_no_figure():
    assert found("which", which_lr([], 0.1), {}) is None
    assert found("find", best_here([], []), {}) is None
    assert found("range", apart_of([]), {}) is None


def test_what_went_on_hangs_below_its_probe():
    probes = [tried(i, lr, [1.0, v]) for i, (lr, v) in enumerate([(1e-3, 0.5), (1e-2, 0.3)], 1)]
    ended = [tried(9, 1e-2, [1.0, 0.3, 0.05, 0.06])]
    drawn = traces(found("find", best_here(probes, ended), {}))
    assert (drawn["probes"]["x"], drawn["probes"]["y"]) == ([1e-3, 1e-2], [0.5, 0.3])
    assert (drawn["ended"]["y"], drawn["ended"]["customdata"]) == ([0.05], [9])
    assert drawn["fell"]["y"] == [0.3, 0.05, None]
    assert drawn["answer"]["y"] == [0.05]


def test_a_range_test_is_a_band_over_the_seeds_with_each_rules_choices():
    lrs = [1e-3, 1e-2, 1e-1]
    chosen = dict.fromkeys(RULES, 1e-2)
    seeds = [
        {"seed": seed, "lrs": lrs, "losses": y, "smoothed": y, "suggestions": rules, "apart": 1.0}
        for seed, y, rules in (
            (0, [2.0, 1.0, 3.0], chosen),
            (1, [2.2, 1.4, 9.0], {**chosen, "slide": None}),
        )
    ]
    drawn = traces(found("range", apart_of(seeds), {}))
    assert drawn["median"]["y"] == pytest.approx([2.1, 1.2, 6.0])
    assert drawn["band"]["y"] == [2.2, 1.4, 9.0, 3.0, 1.0, 2.0]
    assert {rule: len(drawn[rule]["x"]) for rule in RULES} == {
        **dict.fromkeys(RULES, 2),
        "slide": 1,
    }


@pytest.mark.parametrize("kind", PLANS)
def test_each_trace_has_a_colour_of_its_scheme(kind):
    seed = {"lrs": [0.1, 1], "smoothed": [1.0, 2.0], "suggestions": dict.fromkeys(RULES, 0.1)}
    answers = {
        "which": which_lr(of_seeds(TABLE), 0.1),
        "find": best_here(of_seeds(TABLE), of_seeds(TABLE)),
        "range": apart_of([{"seed": 0, "apart": 1.0, **seed}]),
    }
    shown = found(kind, answers[kind], {})
    assert shown is not None
    light, dark = (shown.templates[scheme]["data"]["scatter"] for scheme in ("light", "dark"))
    assert len(light) == len(dark) == len(shown.figure["data"])
    assert light != dark


@pytest.mark.parametrize("plan", [A, B])
def test_the_page_tells_an_answer_with_its_check_and_its_lr(store: Store, plan):
    sweep = add_find(store, CONFIG, plan, claimed=True)
    before = answered(store, row_of(store, sweep), store.epochs_of(sweep))
    assert before["found"] is None
    assert before["next"] == {"use": None, "check": None}
    assert before["statement"][0].startswith("So far: ")
    trained(store, sweep)
    row = row_of(store, sweep)
    told = answered(store, row, store.epochs_of(sweep))
    made = answer(store, row)
    lr = made["lr"] if plan is B else made["best"]["lr"]
    text, link = told["next"]["use"]
    assert address.read(link.partition("?")[2]).config.lr == lr
    assert told["next"]["check"].startswith("Check: 3 seeds each of LR ")
    [best] = [line["cells"] for line in told["numbers"]["lines"] if line["best"]]
    assert best[0] in text
    assert told["head"]["controls"] == ["archive", "delete"]


def test_within_a_seed_of_a_range_test_the_batch_that_it_is_at_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(range_test, "PROGRESS_SECONDS", -1.0)
    plan = RangeTest(lowest=1e-5, highest=1e-3, batches=20, seeds=2)
    sweep = add_find(store, CONFIG, plan, claimed=True)
    heads = []
    for _ in execute_find(store, sweep, NOWHERE):
        head = answered(store, row_of(store, sweep), store.epochs_of(sweep))["head"]
        heads.append((head["counts"], head["percent"]))
    assert ("0 of 2 seeds tested, batch 5 of 20", 12.5) in heads
    assert ("1 of 2 seeds tested, batch 5 of 20", 62.5) in heads
    percents = [percent for _, percent in heads]
    assert percents == sorted(percents)
    assert "batch" not in (row_of(store, sweep).answer or {})


def test_a_check_is_told_in_its_sentence_and_other_grids_are_not(store: Store):
    sweep = add_find(store, CONFIG, B, claimed=True)
    trained(store, sweep)
    checked = row_of(store, add_check(store, sweep))
    assert len(compared(store, checked)) == 1
    assert compared(store, row_of(store, sweep)) == []


def test_a_way_that_stopped_between_its_phases_can_be_gone_on_with(store: Store):
    sweep = add_find(store, CONFIG, A, claimed=True)
    store.end_sweep(sweep, "stopped")
    told = answered(store, row_of(store, sweep), store.epochs_of(sweep))
    assert told["head"]["controls"][0] == "resume"


def test_refusals_stand_beside_their_fields():
    with pytest.raises(ConfigError) as error:
        finding.made("find", "", {"epochs": "x", "probe": "0"})
    beside, others = finding.problems("find", error.value)
    assert {each["id"]["key"] for each in beside} == {"epochs", "probe"}
    assert others == ""
    with pytest.raises(ConfigError) as error:
        finding.made("find", "", {"epochs": "2"})
    [[problem], _] = finding.problems("find", error.value)
    assert problem["sentence"] == "Epochs must be more than the 2 of each probe."


def test_workers_are_for_the_ways_that_have_cells():
    assert [finding.workers_of(kind, 3) for kind in ("which", "find", "range")] == [3, 3, 1]
    for wrong in (0, 257, "", None):
        with pytest.raises(ConfigError, match="Workers must be a whole number from 1 to 256"):
            finding.workers_of("which", wrong)


def test_how_long_a_way_takes_follows_from_earlier_runs(store: Store):
    def told(plan: Any) -> str:
        return " ".join(part.children.strip() for part in finding.cost_told(store, CONFIG, plan))

    plan = B
    assert "How long that takes is not known" in told(plan)
    sweep = add_find(store, CONFIG, plan, claimed=True)
    trained(store, sweep)
    assert told(plan).endswith(" at most, as fast as earlier runs.")
    assert told(plan).startswith(cost(plan, CONFIG))


@pytest.mark.parametrize("kind", PLANS)
def test_the_address_and_a_sweep_set_the_form_up_again(store: Store, kind):
    texts = {"lowest": "0.002", "seeds": "4"} if kind != "find" else {"lowest": "0.002"}
    query = finding.query(kind, "?model=mlp", texts, 3)
    asked = address.read(query)
    assert (asked.way, asked.plan, asked.config.model) == (kind, texts, "mlp")
    assert asked.workers == 3
    planned = PLANS[kind](lowest=0.002)
    of_it = finding.of_sweep(row_of(store, add_find(store, small(epochs=5), planned)))
    epochs = {"epochs": "5"} if kind == "find" else {}
    assert finding.made(kind, "", {**of_it.plan, **epochs})[1] == planned
