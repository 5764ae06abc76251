"""Large files that are no curve are refused in a sentence, and wide or long ones that are a curve
are read. Time grows with the file's size only: where it grew with its square, each of these took
minutes. Limits are checked before the lines are read, so that time is bounded too.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

from trainer.curves.csv import Curve, CurveError, read

SIZE = 20_000_000


@pytest.fixture
def curve(tmp_path: Path):
    def write(data: bytes, tag: str | None = None) -> Curve:
        path = tmp_path / "curve.csv"
        path.write_bytes(data)
        return read(path, tag)

    return write


def wide(names: Iterable[str]) -> bytes:
    header = ",".join(names).encode()
    row = b",".join(b"1" for _ in header.split(b","))
    return b"\n".join([header, row, row])


def filled(part: bytes, before: bytes = b"") -> bytes:
    return before + part * ((SIZE - len(before)) // len(part))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lambda: wide(f"c{i}" for i in range(60_000)), "has no single column with a name"),
        (lambda: wide(f"{i} - val_loss" for i in range(60_000)), "has no single column"),
        (lambda: wide(["loss"] * 60_000), "has two columns called loss"),
        (lambda: wide(f"c{i}" for i in range(100_001)), "line 1 has more than 100,000 fields"),
        (
            lambda: b"epoch,loss\n1,1\n2,1\n" + b"3," * 100_001,
            "line 4 has more than 100,000 fields",
        ),
        (lambda: b'""' * 200_000, "line 1 has more than 100,000 fields"),
        (lambda: b"loss\n" + b"1\n" * 119_999, "line 10002 is one more than 10,000 values"),
        (lambda: filled(b"1\n") + b"1\n", "is larger than 20 MB"),
        (lambda: filled(b"1\n"), "has more than 120,000 lines"),
        (lambda: filled(b"\n", b"loss"), "has more than 120,000 lines"),
        (lambda: filled(b"\r", b"loss"), "has more than 120,000 lines"),
        (lambda: filled(b" \r\n", b"loss"), "has more than 120,000 lines"),
        (lambda: filled(b"#\n"), "has more than 120,000 lines"),
        (lambda: filled(b",\n", b"epoch,loss\n"), "has more than 120,000 lines"),
        (lambda: filled(b"a"), "line 1 is longer than 2,000,000 characters"),
        (lambda: filled(b",", b"loss\n1\n"), "line 3 is longer than 2,000,000 characters"),
        (lambda: filled('"\U0001f600'.encode()), "line 1 is longer than 2,000,000 characters"),
        (lambda: filled(b"\xff"), "line 1 is longer than 2,000,000 characters"),
        (lambda: filled(b"\0"), "is not a text file"),
        (lambda: filled(b"\0", b"loss\n1\n2\n"), "is not a text file"),
        (lambda: b'loss\n1\n"2\n' + b"3\n" * 100_000, "line 3 is not CSV"),
        (lambda: b"loss\n1\n" + b'"2\n' * 100_000, "line 3 is not CSV"),
        (lambda: b"loss\n1\n" + b"9" * 2_000_000, "line 3 is not CSV"),
    ],
)
def test_a_file_that_is_too_large_for_a_curve_is_refused(curve, data, said):
    with pytest.raises(CurveError) as refused:
        curve(data())
    assert said in str(refused.value)
    assert len(str(refused.value)) < 2000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lambda: b"loss\nx\n" + b"1\n" * 119_999, "has more than 120,000 lines"),
        (lambda: b"epoch,loss\nx\n" + (b"," * 50_000 + b"\n") * 100, "more than 5,000,000 fields"),
        (lambda: b"loss\nx\n" + b"1" * 2_000_001, "line 3 is longer than 2,000,000 characters"),
        (
            lambda: b"loss,val_loss,lr\nx\n" + b"1,,\n" * 100_000,
            "has 3 columns of metrics and learning rates on 100,002 lines, more than 300,000",
        ),
    ],
)
def test_a_limit_is_checked_before_the_lines_are_read(curve, data, said):
    with pytest.raises(CurveError) as refused:
        curve(data())
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "data",
    [
        lambda: b"epoch,loss,val_loss\n1,1,1\n2,1,1\n" + b"2,1,\n" * 119_997,
        lambda: b"epoch,loss,val_loss,lr\n1,1,1,1\n2,1,1,1\n" + b"2,1,,\n" * 99_997,
        lambda: b"# " + b"x" * 18_000_000 + b"\nloss\n1\n1\n",
        lambda: b"loss" + b"," * 49_999 + (b"\n1" + b"," * 49_999) * 99,
        lambda: b"val_loss,note\n" + (b"1," + b"x" * 100_000 + b"\n") * 199,
    ],
)
def test_a_curve_as_large_as_can_be_is_read(curve, data):
    assert set(curve(data()).metrics["val_loss"]) == {1}


def test_a_curve_among_many_columns_is_found(curve):
    names = [*(f"c{i}" for i in range(59_999)), "val_loss"]
    assert curve(wide(names)).metrics == {"val_loss": (1, 1)}
    runs = wide(f"{i} - val_loss" for i in range(60_000))
    assert curve(runs, "17 - val_loss").metrics == {"val_loss": (1, 1)}


def test_every_batch_of_a_long_training_may_have_a_line(curve):
    lines = ["epoch,step,train_loss,val_loss"]
    for epoch in range(100):
        lines += [f"{epoch},{epoch * 1000 + step},0.5," for step in range(1000)]
        lines.append(f"{epoch},{epoch * 1000 + 999},,{epoch}")
    found = curve("\n".join(lines).encode())
    assert found.metrics["val_loss"] == tuple(range(100))


def test_a_name_of_any_length_is_cut_in_an_error(curve):
    long = "x" * 100_000
    for data, tag in (
        (f"{long},y\n1,2\n2,1\n", None),
        (f"{long}\n1\n2\n", "y" * 100_000),
        (f"{long},{long}\n1,2\n", None),
        (f"{long},y\n1,2\n2,z\n", long),
    ):
        with pytest.raises(CurveError) as refused:
            curve(data.encode(), tag)
        assert len(str(refused.value)) < 500


def test_a_tag_of_every_batch_is_refused_as_a_curve_and_skipped_beside_one(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(10_001):
            writer.add_scalar("val_loss", 1.0, step)
            writer.add_scalar("loss of a batch", 1.0, step)
        for step in range(3):
            writer.add_scalar("mse", step, step)
    with pytest.raises(CurveError, match="step 10000 is one more than 10,000 values of val_loss"):
        read(tmp_path)
    with pytest.raises(CurveError, match="one more than 10,000 values of loss of a batch"):
        read(tmp_path, "loss of a batch")
    assert read(tmp_path, "mse").metrics["mse"] == (0, 1, 2)


def test_images_beside_a_curve_are_passed_over(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(3):
            writer.add_scalar("val_loss", step, step)
            writer.add_image("noise", torch.rand(3, 1000, 1000), step)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size > 8_000_000
    assert read(tmp_path).metrics["val_loss"] == (0, 1, 2)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CurveError, match="cut off"):
        read(tmp_path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no devices here")
def test_what_is_not_a_regular_file_is_not_read(tmp_path):
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for path in (Path("/dev/zero"), pipe):
        with pytest.raises(CurveError, match="is not a regular file"):
            read(path)
