import contextlib
import gzip
import hashlib
import io
import os
import pickle
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import numpy as np
import pytest
import torch
import torchvision
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.datasets import utils as torchvision_utils

from trainer import folders
from trainer.config.run import TRAIN_IMAGES
from trainer.engine import datasets
from trainer.engine.datasets import DatasetError, Images, Splits, fetch, load
from trainer.engine.events import Downloading

KINDS: dict[str, Any] = {
    "mnist": torchvision.datasets.MNIST,
    "fashion-mnist": torchvision.datasets.FashionMNIST,
    "kmnist": torchvision.datasets.KMNIST,
}
TRAIN, TEST = 100, 30  # images in the small fakes


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def numbered(n: int, start: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Images whose first pixel is their number, and noise, each of class (number mod 10)."""
    x = np.random.default_rng(start).integers(0, 256, (n, *shape), dtype=np.uint8)
    x.reshape(n, -1)[:, 0] = np.arange(start, start + n)
    return x, np.arange(n, dtype=np.uint8) % 10


def numbers(images: Images) -> list[int]:
    return images.x[:, 0, 0, 0].tolist()


@dataclass
class Server:
    """Serves `files` on 127.0.0.1; what is in `halves` breaks off, in `stuck` waits, half-way."""

    files: dict[str, bytes] = field(default_factory=dict)
    halves: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    go_on: threading.Event = field(default_factory=threading.Event)
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            state.requests.append(name)
            if name not in state.files:
                self.send_error(404)
                return
            body = state.files[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # a client that hangs up
                self.wfile.write(body[: len(body) // 2])
                if name in state.stuck:
                    state.go_on.wait(60)
                if name not in state.halves:
                    self.wfile.write(body[len(body) // 2 :])

        def log_message(self, *args: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{http.server_port}/"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    state.go_on.set()
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def dead() -> str:
    """An address at which nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{s.getsockname()[1]}/"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def small(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Puts a small data set in the place of each MNIST kind, on the local server."""
    files = {}
    for part, n, start in (("train", TRAIN, 0), ("t10k", TEST, TRAIN)):
        x, y = numbered(n, start, (28, 28))
        files[f"{part}-images-idx3-ubyte"] = idx(x)
        files[f"{part}-labels-idx1-ubyte"] = idx(y)
    packed = {f"{file}.gz": gzip.compress(data, mtime=0) for file, data in files.items()}
    server.files |= packed
    for kind in KINDS.values():
        monkeypatch.setattr(kind, "mirrors", [server.url])
        monkeypatch.setattr(kind, "resources", [(f, md5(d)) for f, d in packed.items()])
    return files


@pytest.fixture
def small_cifar(server, monkeypatch):
    def batch(n: int, start: int) -> bytes:
        x, y = numbered(n, start, (3072,))
        return pickle.dumps({"data": x, "labels": y.tolist()})

    batches = {f"data_batch_{i + 1}": batch(TRAIN // 5, i * TRAIN // 5) for i in range(5)}
    batches["test_batch"] = batch(TEST, TRAIN)
    batches["batches.meta"] = pickle.dumps({"label_names": list("abcdefghij")})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for file, data in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{file}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    cifar = torchvision.datasets.CIFAR10
    server.files[cifar.filename] = packed.getvalue()
    sums = [[file, md5(data)] for file, data in batches.items()]
    monkeypatch.setattr(cifar, "train_list", sums[:5])
    monkeypatch.setattr(cifar, "test_list", sums[5:6])
    monkeypatch.setattr(cifar, "meta", {**cifar.meta, "md5": sums[6][1]})
    monkeypatch.setattr(cifar, "url", server.url + cifar.filename)
    monkeypatch.setattr(cifar, "tgz_md5", md5(packed.getvalue()))
    return batches


def raw(root: Path, kind: str = "MNIST") -> Path:
    return root / kind / "raw"


def lay_out(files: dict[str, bytes], root: Path) -> None:
    raw(root).mkdir(parents=True)
    for file, data in files.items():
        (raw(root) / file).write_bytes(data)


def on_disk(root: Path) -> set[str]:
    return {p.name for p in root.rglob("*") if not p.is_dir()} - {".lock"}


def refusal(root: Path, name: str = "mnist") -> str:
    """What a user is told when the data cannot be fetched: one sentence."""
    with pytest.raises(DatasetError) as error:
        list(fetch(name, root))
    message = str(error.value)
    assert message.endswith(".")
    assert ". " not in message
    assert "\n" not in message
    return message


# --- the split -----------------------------------------------------------------------------------


def test_digits_are_sklearns_own_each_with_its_label(tmp_path):
    from sklearn.datasets import load_digits

    theirs = load_digits()
    s = load("digits", tmp_path, seed=0)
    x = torch.cat([s.train.x, s.val.x, s.test.x])
    y = torch.cat([s.train.y, s.val.y, s.test.y])
    assert x.shape == (1797, 1, 28, 28)
    # The middle of each 3.5 pixels wide cell lies close to the 8 x 8 original.
    middle = (torch.arange(8) * 3.5 + 1.25).round().long()
    ours = x[:, 0, middle][:, :, middle].flatten(1).float() * 16 / 255
    original = torch.from_numpy(theirs.images).float().flatten(1)
    nearest = torch.cdist(ours, original).argmin(1)
    assert sorted(nearest.tolist()) == list(range(1797))
    assert torch.equal(y, torch.from_numpy(theirs.target)[nearest])
    assert x.min() == 0
    assert x.max() > 250


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_digits_split_is_exact_disjoint_and_stratified_for_every_seed(seed):
    s = load("digits", Path("unused"), seed)
    assert (len(s.train), len(s.val), len(s.test), s.classes) == (
        TRAIN_IMAGES["digits"],
        360,
        360,
        10,
    )
    rows = torch.cat([s.train.x, s.val.x, s.test.x]).flatten(1)
    assert len(torch.unique(rows, dim=0)) == 1797
    whole = torch.cat([s.train.y, s.val.y, s.test.y]).bincount(minlength=10)
    for part in (s.train, s.val, s.test):
        share = whole * len(part) / 1797
        assert (part.y.bincount(minlength=10) - share).abs().max() < 2


@pytest.mark.usefixtures("small", "small_cifar")
def test_every_part_is_contiguous_uint8_with_int64_labels(tmp_path):
    shapes: list[tuple[str, tuple[int, ...]]]
    shapes = [("digits", (1, 28, 28)), ("mnist", (1, 28, 28)), ("cifar10", (3, 32, 32))]
    for name, shape in shapes:
        list(fetch(name, tmp_path))
        s = load(name, tmp_path, seed=1)
        for part in (s.train, s.val, s.test):
            assert part.x.dtype == torch.uint8
            assert part.x.shape == (len(part), *shape)
            assert part.x.is_contiguous()
            assert part.y.dtype == torch.int64
            assert part.y.shape == (len(part),)


def same(a: Images, b: Images) -> bool:
    return torch.equal(a.x, b.x) and torch.equal(a.y, b.y)


def test_same_seed_gives_the_same_split_and_another_seed_another(tmp_path):
    a, b, c = (load("digits", tmp_path, seed) for seed in (3, 3, 4))
    assert same(a.train, b.train)
    assert same(a.val, b.val)
    assert not same(a.val, c.val)
    assert same(a.test, c.test)


def test_a_split_neither_heeds_nor_moves_the_global_generator(tmp_path):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    a = load("digits", tmp_path, seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(1)
    assert same(load("digits", tmp_path, seed=3).val, a.val)


@pytest.mark.usefixtures("small")
def test_a_second_load_reads_nothing_from_disk(tmp_path):
    list(fetch("mnist", tmp_path))
    first = load("mnist", tmp_path, seed=0)
    for file in raw(tmp_path).iterdir():
        file.unlink()
    assert same(load("mnist", tmp_path, seed=0).val, first.val)


def test_splits_move_to_a_device(tmp_path):
    moved = load("digits", tmp_path, seed=0).to("meta")
    assert isinstance(moved, Splits)
    assert moved.classes == 10
    for part in (moved.train, moved.val, moved.test):
        assert part.x.device.type == part.y.device.type == "meta"


# --- fetching ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", KINDS)
def test_a_fetched_set_loads_with_a_tenth_held_out(name, tmp_path, server):
    events = list(fetch(name, tmp_path))
    assert server.requests == list(server.files)
    for file, data in server.files.items():
        last = [e for e in events if e.file == file][-1]
        assert last == Downloading(file, len(data), len(data))
    s = load(name, tmp_path, seed=5)
    assert (len(s.train), len(s.val), len(s.test)) == (90, 10, 30)
    assert s.val.y.bincount(minlength=10).tolist() == [1] * 10
    assert sorted(numbers(s.train) + numbers(s.val)) == list(range(TRAIN))
    assert numbers(s.test) == list(range(TRAIN, TRAIN + TEST))
    for part in (s.train, s.val, s.test):
        assert [n % 10 for n in numbers(part)] == part.y.tolist()
    assert list(fetch(name, tmp_path)) == []


def test_cifar_is_fetched_and_loads_channels_first(tmp_path, small_cifar, server):
    assert [e.received for e in fetch("cifar10", tmp_path)][-1] == len(*server.files.values())
    s = load("cifar10", tmp_path, seed=5)
    assert (len(s.train), len(s.val), len(s.test)) == (90, 10, 30)
    assert sorted(numbers(s.train) + numbers(s.val)) == list(range(TRAIN))
    test = pickle.loads(small_cifar["test_batch"])
    assert torch.equal(s.test.x, torch.from_numpy(test["data"]).view(-1, 3, 32, 32))
    assert s.test.y.tolist() == test["labels"]
    assert list(fetch("cifar10", tmp_path)) == []


def test_digits_need_neither_network_nor_folder(tmp_path):
    assert list(fetch("digits", tmp_path / "none")) == []
    assert len(load("digits", tmp_path / "none", seed=0).train) == 1077
    assert not (tmp_path / "none").exists()


def test_unpacked_files_alone_need_no_download_and_nothing_is_written(tmp_path, small, server):
    lay_out(small, tmp_path)
    before = set(tmp_path.rglob("*"))
    assert list(fetch("mnist", tmp_path)) == []
    assert len(load("mnist", tmp_path, seed=0).train) == 90
    assert server.requests == []
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("broken", ["first bytes", "empty", "one byte short", "one byte long"])
def test_a_damaged_unpacked_file_is_mended_and_only_it_is_downloaded(
    broken, tmp_path, small, server
):
    lay_out(small, tmp_path)
    file = raw(tmp_path) / "t10k-images-idx3-ubyte"
    good = file.read_bytes()
    bad = {"first bytes": good[:3], "empty": b"", "one byte short": good[:-1]}
    file.write_bytes(bad.get(broken, good + b"\0"))
    with pytest.raises(DatasetError, match=r"mnist.*damaged.*digits"):
        load("mnist", tmp_path, seed=0)
    list(fetch("mnist", tmp_path))
    assert file.read_bytes() == good
    assert server.requests == ["t10k-images-idx3-ubyte.gz"]


def test_a_damaged_unpacked_file_is_made_again_from_its_archive(tmp_path, small, server):
    list(fetch("mnist", tmp_path))
    server.requests.clear()
    file = raw(tmp_path) / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:1000])
    assert list(fetch("mnist", tmp_path)) == []
    assert file.read_bytes() == small[file.name]
    assert server.requests == []


def test_a_damaged_file_is_gone_where_it_cannot_be_mended(tmp_path, small, dead, monkeypatch):
    lay_out(small, tmp_path)
    file = raw(tmp_path) / "train-images-idx3-ubyte"
    file.write_bytes(b"half")
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [dead])
    refusal(tmp_path)
    assert not file.exists()


@pytest.mark.parametrize("archive", ["kept", "lost", "damaged"])
def test_a_damaged_cifar_batch_is_mended(archive, tmp_path, small_cifar, server):
    list(fetch("cifar10", tmp_path))
    server.requests.clear()
    (packed,) = (tmp_path / file for file in server.files)
    if archive == "lost":
        packed.unlink()
    elif archive == "damaged":
        packed.write_bytes(packed.read_bytes()[:-10])
    batch = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    batch.write_bytes(batch.read_bytes()[:-1] + b"x")
    list(fetch("cifar10", tmp_path))
    assert batch.read_bytes() == small_cifar["data_batch_3"]
    assert server.requests == ([] if archive == "kept" else [packed.name])
    assert len(load("cifar10", tmp_path, seed=0).train) == 90


def test_a_damaged_archive_and_a_left_over_part_are_fetched_again(tmp_path, small, server):
    raw(tmp_path).mkdir(parents=True)
    (raw(tmp_path) / "train-images-idx3-ubyte.gz").write_bytes(b"not it")
    (raw(tmp_path) / "train-labels-idx1-ubyte.gz.part").write_bytes(b"a beginning" * 1000)
    list(fetch("mnist", tmp_path))
    assert len(load("mnist", tmp_path, seed=0).train) == 90
    assert on_disk(tmp_path) == set(small) | set(server.files)


def test_a_fetch_killed_while_unpacking_is_made_good_by_the_next(
    tmp_path, small, server, monkeypatch
):
    def dies(archive, to):
        (Path(to) / Path(archive).stem).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(torchvision_utils, "extract_archive", dies)
        # A killed process does not clean up either.
        patch.setattr(shutil, "rmtree", lambda *_args, **_kwargs: None)
        with pytest.raises(KeyboardInterrupt):
            list(fetch("mnist", tmp_path))
    assert not (raw(tmp_path) / "train-images-idx3-ubyte").exists()
    list(fetch("mnist", tmp_path))
    assert server.requests == list(server.files)  # what had come before was not fetched twice
    assert len(load("mnist", tmp_path, seed=0).train) == 90
    assert on_disk(tmp_path) == set(small) | set(server.files)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("first", ["dead", "missing", "corrupt", "broken off"])
def test_a_second_mirror_stands_in_for_the_first(first, tmp_path, server, dead, monkeypatch):
    for file, data in list(server.files.items()):
        if first != "missing":
            server.files[f"bad/{file}"] = data if first == "broken off" else b"x" * len(data)
            server.halves.add(f"bad/{file}")
    bad = dead if first == "dead" else f"{server.url}bad/"
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [bad, server.url])
    list(fetch("mnist", tmp_path))
    assert len(load("mnist", tmp_path, seed=0).train) == 90


@pytest.mark.usefixtures("small")
def test_a_refused_connection_is_told_in_a_sentence_that_names_the_way_on(
    tmp_path, dead, monkeypatch
):
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [dead, dead])
    message = refusal(tmp_path)
    assert message.startswith("train-images-idx3-ubyte.gz of mnist could not be fetched")
    assert message.count("Connection refused") == 2
    assert "digits" in message
    assert str(raw(tmp_path)) in message
    assert on_disk(tmp_path) == set()


@pytest.mark.parametrize(
    ("fault", "why"), [("missing", "HTTP 404"), ("corrupt", "damaged"), ("broken off", "damaged")]
)
@pytest.mark.usefixtures("small_cifar")
def test_a_fault_of_the_server_is_told_and_leaves_nothing(fault, why, tmp_path, server):
    (file,) = server.files
    if fault == "missing":
        server.files.clear()
    elif fault == "corrupt":
        server.files[file] = b"<html>sorry</html>"
    else:
        server.halves.add(file)
    message = refusal(tmp_path, "cifar10")
    assert why in message
    assert "digits" in message
    assert on_disk(tmp_path) == set()


@pytest.mark.usefixtures("small")
def test_a_silent_server_is_given_up(tmp_path, server, monkeypatch):
    monkeypatch.setattr(datasets, "TIMEOUT", 0.05)
    server.stuck = set(server.files)
    assert "timed out" in refusal(tmp_path)
    assert on_disk(tmp_path) == set()


@pytest.mark.usefixtures("small")
def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    root = tmp_path / "file" / "datasets"
    (tmp_path / "file").write_text("in the way")
    message = refusal(root)
    assert str(root) in message
    assert "digits" in message


@pytest.mark.usefixtures("small")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk without room")
def test_a_full_disk_is_told(tmp_path):
    raw(tmp_path).mkdir(parents=True)
    (raw(tmp_path) / "train-images-idx3-ubyte.gz.part").symlink_to("/dev/full")
    message = refusal(tmp_path)
    assert "No space left" in message
    assert str(tmp_path) in message
    assert on_disk(tmp_path) == set()


@pytest.mark.usefixtures("small")
def test_closing_in_mid_download_leaves_nothing_and_frees_the_folder(tmp_path, server, monkeypatch):
    monkeypatch.setattr(datasets, "TICK", 0)
    server.stuck = set(server.files)
    coming = fetch("mnist", tmp_path)
    event = next(e for e in coming if e.received)
    assert 0 < event.received < event.total
    assert on_disk(tmp_path) == {"train-images-idx3-ubyte.gz.part"}
    coming.close()
    assert on_disk(tmp_path) == set()
    with FileLock(tmp_path / ".lock", timeout=0):
        pass


@pytest.mark.usefixtures("small")
def test_a_second_fetch_waits_for_the_first_and_downloads_nothing_twice(
    tmp_path, server, monkeypatch
):
    monkeypatch.setattr(datasets, "TICK", 0)
    first, second = fetch("mnist", tmp_path), fetch("mnist", tmp_path)
    next(first)
    waiting = next(second)
    assert (waiting.received, waiting.total) == (0, 0)
    list(first)
    assert list(second) == []
    assert server.requests == list(server.files)


@pytest.mark.usefixtures("small")
def test_progress_comes_by_the_clock_and_once_more_at_the_end(tmp_path, server, monkeypatch):
    size = len(server.files["train-images-idx3-ubyte.gz"])
    monkeypatch.setattr(datasets, "time", SimpleNamespace(monotonic=lambda: 0.0))
    still = [e for e in fetch("mnist", tmp_path / "a") if e.file.startswith("train-images")]
    assert [(e.received, e.total) for e in still] == [(0, 0), (size, size)]
    ticks = iter(range(10**6))
    monkeypatch.setattr(datasets, "time", SimpleNamespace(monotonic=lambda: float(next(ticks))))
    moving = [e for e in fetch("mnist", tmp_path / "b") if e.file.startswith("train-images")]
    received = [e.received for e in moving]
    assert len(received) > 2
    assert received == sorted(received)
    assert received[-1] == size


def test_https_is_never_left_by_a_redirect():
    follow = datasets._StayOnHttps().redirect_request
    safe = Request("https://example.org/a")
    with pytest.raises(HTTPError, match="unsafe") as refused:
        follow(safe, io.BytesIO(), 302, "Found", {}, "http://example.org/b")
    refused.value.close()
    on = follow(safe, io.BytesIO(), 302, "Found", {}, "https://example.org/b")
    assert on.full_url == "https://example.org/b"


# --- the rest ------------------------------------------------------------------------------------


def test_loading_what_was_never_fetched_is_told(tmp_path):
    names: list[str] = [*KINDS, "cifar10"]
    for name in names:
        with pytest.raises(DatasetError, match=f"{name}.*digits"):
            load(name, tmp_path, seed=0)


def test_the_folder_is_the_variables_or_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("LRSCOPE_DATASETS", str(tmp_path))
    assert folders.datasets() == tmp_path
    monkeypatch.delenv("LRSCOPE_DATASETS")
    assert folders.datasets().name == "datasets"
    assert "lrscope" in folders.datasets().parts


def test_the_module_alone_imports_neither_torchvision_nor_sklearn():
    code = "import sys, trainer.engine.datasets as _; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert not {b"torchvision", b"sklearn"} & {*loaded.split()}


@pytest.mark.mnist
@pytest.mark.skipif(
    "LRSCOPE_TEST_MNIST" not in os.environ, reason="LRSCOPE_TEST_MNIST names no folder with MNIST"
)
def test_the_real_mnist_is_accepted_and_split():
    root = Path(os.environ["LRSCOPE_TEST_MNIST"])
    assert list(fetch("mnist", root)) == []
    s = load("mnist", root, seed=0)
    assert (len(s.train), len(s.val), len(s.test)) == (TRAIN_IMAGES["mnist"], 6000, 10000)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert torch.cat([s.train.y, s.val.y]).bincount().tolist() == counts
    share = torch.tensor(counts) / 10
    assert (s.val.y.bincount() - share).abs().max() < 1
    assert s.test.y[:5].tolist() == [7, 2, 1, 0, 4]
    mean = (s.train.x.double().mean() * 54000 + s.val.x.double().mean() * 6000) / 60000
    assert abs(mean / 255 - 0.1307) < 1e-4
