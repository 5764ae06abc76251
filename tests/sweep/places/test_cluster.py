"""The stages of a sweep on a Ray cluster: two nodes of one CPU each, on this machine."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.bench.turns import until
from tests.small import NOWHERE, numbers
from tests.sweep.places.test_processes import QUICK, epochs, events, same
from tests.sweep.sweeps import added, assert_as_alone, least, trained
from trainer.engine.control import Control
from trainer.engine.events import Ended, EpochEnded, Event
from trainer.engine.loop import train
from trainer.execute import Place
from trainer.store.store import Store
from trainer.sweep import places
from trainer.sweep.places.remote import PlaceError
from trainer.sweep.sweeping import CellEvent

ray = pytest.importorskip("ray", reason="ray is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own

ROOT = Path(__file__).parents[3]


class Nodes:
    """A cluster, to which nodes can be added and whose nodes can be lost."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.nodes: list[Any] = []
        self.address = self._cluster.address

    def add(self, **resources: float) -> None:
        self.nodes.append(self._cluster.add_node(**{"num_cpus": 1, **resources}))

    def lose(self) -> None:
        """Kill all that runs on one of the nodes, as if its machine were switched off."""
        node = self.nodes.pop()
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        workers = raylet.children(recursive=True)
        self._cluster.remove_node(node, allow_graceful=False)
        for worker in workers:
            if worker.is_running():
                worker.kill()

    def close(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", str(ROOT))  # of the nodes
        with closing(Nodes()) as nodes:
            yield nodes


@pytest.fixture
def nodes(cluster: Nodes) -> Nodes:
    """Two of them."""
    while len(cluster.nodes) < 2:
        cluster.add()
    return cluster


@contextmanager
def on_ray(count: int, address: str, **options: Any) -> Iterator[Sequence[Place]]:
    with places.of(count, address, **options) as started:
        assert started is not None
        yield started


def test_a_sweep_whose_node_is_lost_ends_with_the_same_numbers(
    store: Store, nodes: Nodes, capfd: pytest.CaptureFixture[str]
) -> None:
    def lose(told: CellEvent) -> None:
        if isinstance(told.event, EpochEnded):
            seen.add(told.run)
            if len(seen) == 2 and len(nodes.nodes) == 2:
                nodes.lose()

    seen: set[int] = set()
    config = QUICK.model_copy(update={"epochs": 12})
    sweep = added(store, config, {"lr": [0.003, 0.03], "patience": [0, 1], "factor": [0.1, 0.5]})
    capfd.readouterr()
    with on_ray(2, nodes.address) as two:
        trained(store, sweep, until=lose, places=two)
    assert len(nodes.nodes) == 1
    assert store.sweep(sweep).status == "finished"
    assert store.epochs_of(sweep).trained == least(store, sweep)
    assert_as_alone(store, sweep)
    assert capfd.readouterr() == ("", "")  # Ray's lines would come between LRScope's


def test_its_events_and_snapshots_are_those_of_the_engine(nodes: Nodes) -> None:
    def intervene(event: Event, control: Control) -> None:
        if isinstance(event, EpochEnded):
            snapshots.append(control.capture())
            if event.epoch == 2:
                control.ask("scale", 0.5)

    snapshots: list[Any] = []
    here = events(train, each=intervene)
    before = signal.getsignal(signal.SIGTERM)
    with on_ray(1, nodes.address) as one:
        assert signal.getsignal(signal.SIGTERM) is before  # it is LRScope that obeys it
        there = events(one[0], each=intervene)
        assert numbers(there) == numbers(here)
        assert all(same(*pair) for pair in zip(snapshots[:5], snapshots[5:], strict=True))
        assert epochs(events(one[0], start=snapshots[-2])) == [5]


# As a command does it: a thread trains, and the main thread handles signals.
TERMINATED = """
import os, signal, sys, threading
from trainer.sweep import places

def train():
    with places.of(1, sys.argv[1]):
        connected.set()
        obeyed.wait()

connected, obeyed = threading.Event(), threading.Event()
signal.signal(signal.SIGTERM, lambda *_: obeyed.set())
thread = threading.Thread(target=train)
thread.start()
connected.wait()
os.kill(os.getpid(), signal.SIGTERM)
obeyed.wait()
thread.join()
"""


def test_sigterm_still_ends_a_command_in_its_own_way(nodes: Nodes) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TERMINATED, nodes.address],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_there_are_as_many_places_as_room_and_they_give_it_back(nodes: Nodes) -> None:
    ray.init(nodes.address, log_to_driver=False)
    try:  # a cluster learns only after a while that a node is lost
        until(lambda: ray.cluster_resources().get("CPU") == 2)
    finally:
        ray.shutdown()
    with on_ray(0, nodes.address) as all_places:
        assert len(all_places) == 2
        for place in all_places:
            assert epochs(events(place)) == [1, 2, 3, 4, 5]
    ray.init(nodes.address, log_to_driver=False)
    try:
        until(lambda: ray.available_resources().get("CPU") == 2)
    finally:
        ray.shutdown()


def test_two_places_share_a_gpu(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.sweep.places import cluster

    monkeypatch.setattr(cluster, "ROOM_SECONDS", 0)
    nodes.add(num_cpus=3, num_gpus=1)  # Ray counts what it is told
    try:
        with on_ray(0, nodes.address, gpus=0.5) as halves:
            assert len(halves) == 2
            under_way = [place(QUICK, NOWHERE, Control(), None) for place in halves]
            for training in under_way:
                next(training)
            assert ray.available_resources().get("GPU", 0) == 0
            del under_way, training
        with (
            on_ray(1, nodes.address, gpus=2) as one,
            pytest.raises(PlaceError, match="No node of the Ray cluster has 1 CPUs and 2 GPUs"),
        ):
            events(one[0])
    finally:
        nodes.lose()


def test_a_run_waits_for_room_until_it_is_stopped(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.sweep.places import cluster

    monkeypatch.setattr(cluster, "ROOM_SECONDS", 0)
    with (
        on_ray(1, nodes.address, threads=3) as one,
        pytest.raises(PlaceError, match="No node of the Ray cluster has 3 CPUs"),
    ):
        events(one[0])
    with on_ray(3, nodes.address) as three:
        under_way = [place(QUICK, NOWHERE, Control(), None) for place in three[:2]]
        for training in under_way:
            next(training)
        control = Control()
        control.stop()
        assert [*three[2](QUICK, NOWHERE, control, None)] == [Ended("stopped")]
    del under_way, training
    assert not ray.is_initialized()


def test_an_address_where_no_cluster_is_is_told_in_a_sentence() -> None:
    with (
        pytest.raises(PlaceError, match=r"No Ray cluster answers at 127\.0\.0\.1:9 "),
        on_ray(2, "127.0.0.1:9"),
    ):
        pass
