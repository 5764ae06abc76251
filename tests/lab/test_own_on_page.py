"""Data and a network of one's own in a real Chromium: typed, completed, shown, trained."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.lab.page import NEEDS_CHROMIUM, box, choose, in_state, shows, start
from tests.own.made import NET, digits_folder, network
from tests.page import Served, opened

pytestmark = NEEDS_CHROMIUM
NOT_TICKED = re.compile('^Tick "Run the code in this file" first')


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with data and a network."""
    folder = tmp_path / "own"
    folder.mkdir()
    digits_folder(folder / "digits")
    network(folder)
    return folder


def typed(page: Page, label: str, text: str, option: str) -> None:
    """Type the beginning of a path by the keyboard, and take what it is completed to. Its folder is
    pasted, for the page asks after every key.
    """
    folder, slash, rest = text.rpartition("/")
    box(page, label).fill(folder)
    page.keyboard.type(slash + rest)
    page.get_by_role("option", name=option, exact=True).click()


def test_a_folder_and_a_network_train_after_three_actions(
    browser: BrowserContext, lab: Served, own: Path
) -> None:
    with opened(browser, lab.url + "?epochs=1") as page:
        typed(page, "Your data", f"{own}/dig", f"{own}/digits/")
        expect(page.locator(".samples figcaption")).to_have_text([f"digit {i}" for i in range(4)])
        expect(page.locator("#own-data")).to_contain_text("40 images to train, 4 to validate")
        named = page.locator("#own-settings label", has_text="Image size").bounding_box()
        assert named is not None
        assert named["width"] > 20  # it is told what the number is
        typed(page, "Your network", f"{own}/model.py:", f"{own}/model.py:Net")
        expect(page.locator(".layers tbody tr")).to_have_count(4)
        expect(page.locator("#own-network")).to_contain_text("1,076 parameters.")
        start(page)
        in_state(page, "finished")
        expect(page.locator("#run-details")).to_contain_text("Net · digits")
    run = lab.store.run(1)
    assert run is not None
    assert run.config is not None
    assert run.config.dataset == str(own / "digits")
    assert run.config.model == f"{own / 'model.py'}:Net"


def test_what_cannot_be_used_is_said_at_its_box(
    browser: BrowserContext, lab: Served, own: Path
) -> None:
    with opened(browser, lab.url) as page:
        box(page, "Your data").fill(f"{own}/nowhere")
        expect(page.locator("#form")).to_contain_text(f"There is nothing at {own}/nowhere")
        expect(page.get_by_role("button", name="Start")).to_be_disabled()
        box(page, "Your data").fill("")
        expect(page.get_by_role("button", name="Start")).to_be_enabled()
        box(page, "Your network").fill(f"{own}/model.py")
        expect(page.locator("#form")).to_contain_text(f"{own}/model.py has Net.")
        expect(page.get_by_role("combobox", name="Data").or_(box(page, "Data"))).to_have_value(
            "Digits (bundled)"
        )


def test_a_choice_beside_it_empties_its_box(
    browser: BrowserContext, lab: Served, own: Path
) -> None:
    with opened(browser, lab.url) as page:
        box(page, "Your data").fill(f"{own}/digits")
        expect(page.locator(".samples img")).to_have_count(4)
        choose(page, "Data", "MNIST")
        expect(box(page, "Your data")).to_have_value("")
        expect(page.locator(".samples img")).to_have_count(0)


def test_code_that_an_address_names_runs_only_after_it_is_ticked(
    browser: BrowserContext, lab: Served, own: Path
) -> None:
    ran = own / "ran"
    network(own, f"import pathlib\npathlib.Path({str(ran)!r}).touch()\n{NET}")
    address = f"?epochs=1&dataset={quote(str(own / 'digits'))}&model={quote(f'{own}/model.py:Net')}"
    with opened(browser, lab.url + address) as page:
        expect(page.locator(".samples img")).to_have_count(4)
        expect(page.locator("#own-network")).to_have_text("Tick it to see the network.")
        start(page)
        expect(page.locator("#start-refused")).to_have_text(NOT_TICKED)
        assert not ran.exists()
        assert lab.store.runs(9) == []
        page.get_by_label("Run the code in this file").check()
        expect(page.locator(".layers tbody tr")).to_have_count(4)
        assert ran.exists()
        start(page)
        in_state(page, "finished")


def test_what_is_typed_is_ticked_and_what_a_run_fills_in_is_not(
    browser: BrowserContext, lab: Served, own: Path
) -> None:
    with opened(browser, lab.url + "?epochs=1&model=mlp") as page:
        box(page, "Your data").fill(f"{own}/digits")
        typed(page, "Your network", f"{own}/model.py:N", f"{own}/model.py:Net")
        expect(page.get_by_label("Run the code in this file")).to_be_checked()
        start(page)
        in_state(page, "finished")
        page.get_by_role("button", name="Use this run's settings").click()
        expect(page.get_by_label("Run the code in this file")).not_to_be_checked()
        expect(page.locator("#own-network")).to_have_text("Tick it to see the network.")


def test_a_broken_network_is_said_before_it_starts_and_makes_no_run(
    browser: BrowserContext, lab: Served, own: Path
) -> None:
    network(own, NET.replace("4 * size * size", "5"))
    with opened(browser, lab.url + "?epochs=1") as page:
        box(page, "Your data").fill(f"{own}/digits")
        typed(page, "Your network", f"{own}/model.py:", f"{own}/model.py:Net")
        said = f"{own}/model.py, line 15: RuntimeError: mat1 and mat2 shapes cannot be multiplied"
        expect(page.locator("#own-network")).to_contain_text(said)
        start(page)
        expect(page.locator("#start-refused")).to_contain_text(said)
        assert lab.store.runs(9) == []
        network(own)
        start(page)
        in_state(page, "finished")


def test_a_run_of_ones_own_is_forked_without_a_tick(
    browser: BrowserContext, lab: Served, own: Path
) -> None:
    with opened(browser, lab.url + "?epochs=2") as page:
        box(page, "Your data").fill(f"{own}/digits")
        typed(page, "Your network", f"{own}/model.py:", f"{own}/model.py:Net")
        start(page)
        in_state(page, "finished")
        page.get_by_role("button", name="Fork after 2").click()
        expect(box(page, "Your network")).to_be_disabled()
        expect(page.get_by_label("Run the code in this file")).to_be_hidden()
        page.get_by_role("button", name="Start the fork").click()
        shows(page, 2)
        page.wait_for_function("() => lrscope.live.epoch() >= 4")
        in_state(page, "finished")
    fork = lab.store.run(2)
    assert fork is not None
    assert (fork.status, fork.epoch) == ("finished", 4)


def test_what_was_refused_is_not_said_of_another_choice(
    browser: BrowserContext, lab: Served, own: Path
) -> None:
    network(own, NET.replace("4 * size * size", "5"))
    with opened(browser, lab.url + "?epochs=1") as page:
        broken = page.locator("#own-network .own-error")
        box(page, "Your data").fill(f"{own}/digits")
        typed(page, "Your network", f"{own}/model.py:", f"{own}/model.py:Net")
        expect(broken).to_contain_text("(2x256 and 5x4)")
        start(page)
        expect(page.locator("#start-refused")).to_contain_text("(2x256 and 5x4)")
        box(page, "Your data").fill(f"{own}/nowhere")
        expect(page.locator("#form")).to_contain_text(f"There is nothing at {own}/nowhere")
        expect(broken).to_have_count(0)
        expect(page.locator("#start-refused")).to_be_empty()
        box(page, "Your data").fill(f"{own}/digits")
        expect(broken).to_have_count(1)
        box(page, "Learning rate").fill("none")
        expect(page.get_by_role("button", name="Start")).to_be_disabled()
        network(own)
        (own / "other.py").write_text(NET.replace("4 * size * size", "6"))
        box(page, "Your network").fill(f"{own}/other.py:Net")
        expect(broken).to_contain_text("other.py")
        box(page, "Your network").fill(f"{own}/other.py")
        expect(page.locator("#form")).to_contain_text(f"{own}/other.py has Net.")
        expect(broken).to_have_count(0)


def test_what_is_wrong_with_a_network_is_not_said_while_another_is_looked_at(
    browser: BrowserContext, lab: Served, own: Path
) -> None:
    waits = own / "waits"
    slow = f"import os, time\nwhile not os.path.exists({str(waits)!r}): time.sleep(0.01)\n"
    (own / "slow.py").write_text(slow + NET)
    with opened(browser, lab.url + "?epochs=1") as page:
        broken = page.locator("#own-network .own-error")
        box(page, "Your data").fill(f"{own}/digits")
        box(page, "Your network").fill(f"{own}/nowhere.py:Net")
        expect(broken).to_be_visible()
        box(page, "Your network").fill(f"{own}/slow.py:Net")
        expect(broken).to_be_hidden()
        waits.touch()
        expect(page.locator(".layers tbody tr")).to_have_count(4)
