"""Many open pages ask in turns."""

from heapq import heappop, heappush
from itertools import pairwise

import pytest

from app.lab.turns import APART_MS, MOST_MS, Turns


def test_a_page_alone_asks_as_soon_as_it_would() -> None:
    now = 1000.0
    turns = Turns(lambda: now)
    for wanted in (250, 1000, 777, 250):
        assert turns.wait(wanted) == wanted
        now += wanted / 1000


def asks(pages: int, wanted_ms: int, seconds: float) -> list[tuple[float, int]]:
    """When each page asks, where all would ask every `wanted_ms`."""
    now, waiting, asked = 0.0, [(0.0, page) for page in range(pages)], []
    turns = Turns(lambda: now)
    while now < seconds:
        now, page = heappop(waiting)
        asked.append((now, page))
        heappush(waiting, (now + turns.wait(wanted_ms) / 1000, page))
    return asked


@pytest.mark.parametrize("pages", [1, 2, 3, 20, 80])
def test_many_pages_ask_no_oftener_than_a_few(pages: int) -> None:
    asked = [at for at, _ in asks(pages, 250, 60) if at >= 20]
    alone = 40 / 0.25
    assert len(asked) <= min(pages * alone, 40 * 1000 / APART_MS) + pages
    assert len(asked) >= min(pages * alone, 40 * 1000 / APART_MS) * 0.9


@pytest.mark.parametrize("pages", [20, 80, 500])
def test_no_page_waits_much_longer_than_another(pages: int) -> None:
    asked = asks(pages, 250, 60)
    for page in range(pages):
        times = [at for at, who in asked if who == page]
        gaps = [after - before for before, after in pairwise(times)]
        assert gaps
        assert max(gaps) <= (MOST_MS + APART_MS + 250) / 1000
        assert max(gaps) <= (2 * pages * APART_MS + 250) / 1000
