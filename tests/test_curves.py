"""Files that people have become curves; files that are none are told, with the line or the tag."""

import math
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.tensorboard import SummaryWriter

from trainer.curves import Curve, CurveError, meaning, read


def csv(tmp_path, text, name="run.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path)


@pytest.mark.parametrize(
    ("text", "epochs", "metrics"),
    [
        ("1.5\n0.5\nnan\n", (0, 1, 2), {"val_loss": (1.5, 0.5, None)}),
        ("0,1.5\n2,0.5\n", (0, 2), {"val_loss": (1.5, 0.5)}),
        ("epoch,loss\n1,1.5\n2,inf\n", (1, 2), {"val_loss": (1.5, None)}),
        ("﻿Epoch;Loss\r\n1;1,5\r\n2;0,5\r\n", (1, 2), {"val_loss": (1.5, 0.5)}),
        ("# mine\nstep\tval loss\n\n100\t-1\n200\t-2\n", (100, 200), {"val_loss": (-1.0, -2.0)}),
        (
            "epoch,accuracy,loss,val_accuracy,val_loss\n0,.8,1,70,2\n1,.9,.5,75,1\n",
            (0, 1),
            {"val_loss": (2.0, 1.0), "train_loss": (1.0, 0.5), "val_accuracy": (0.7, 0.75)},
        ),
        (
            '"Step","fox-1 - val_loss","fox-1 - val_loss__MIN"\n"1","1","0"\n"2","2","0"\n',
            (1, 2),
            {"val_loss": (1.0, 2.0)},
        ),
        (
            "epoch,step,train_loss_epoch,train_loss_step,valid_loss\n"
            "0,9,,3,\n0,19,,,2\n0,19,2.5,,\n1,29,,3,\n1,39,,,1\n1,39,1.5,,\n",
            (0, 1),
            {"val_loss": (2.0, 1.0), "train_loss": (2.5, 1.5)},
        ),
        (
            "epoch,note,loss\n1,first é,2\n2,last,1\n".encode("latin-1"),
            (1, 2),
            {"val_loss": (2.0, 1.0)},
        ),
    ],
)
def test_the_files_that_people_have_are_read(tmp_path, text, epochs, metrics):
    curve = csv(tmp_path, text)
    assert (curve.name, curve.epochs) == ("run.csv", epochs)
    assert curve.metrics == metrics


def test_a_learning_rate_beside_the_loss_is_taken_along(tmp_path):
    curve = csv(tmp_path, "epoch,lr-Adam,val_loss\n1,0.1,2\n2,,1\n3,0.01,1\n")
    assert curve.lr == (0.1, 0.1, 0.01)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "run.csv is empty."),
        ("epoch,loss\n", "names no loss"),
        ("epoch,loss\n1,2\n", "has 1 values; a curve has two or more"),
        ("epoch,loss\n1,2\n2,x\n", "run.csv, line 3: 'x' is no number"),
        ("foo\n1\n2\nx\n", "run.csv, line 4: 'x' is no number"),
        ("epoch,loss\n1,2\n2\n", "line 3: 1 fields, where the first line has 2"),
        ("epoch,loss\n2,2\n1,3\n", "line 3: epoch 1 comes after epoch 2"),
        ("epoch,loss\n1,2\n1,3\n", "line 3: epoch 1 has a second loss"),
        ("epoch,loss\n1,2\n1.5,3\n", "line 3: '1.5' is no number of an epoch"),
        ("epoch,loss\n1,2\n2,-inf\n", "-inf for the val_loss of epoch 2"),
        ("1,2,3\n4,5,6\n", "3 columns and no header"),
        ("a,b\n1,2\n3,4\n", "choose one with --tag among a, b"),
        ("epoch,lr,loss\n1,-1,2\n2,1,3\n", "learning rate -1.0 in epoch 1"),
        ("\n".join(["1"] * 10_001), "10,001 values; at most 10,000"),
        (b"\x89PNG\0\0", "is no text"),
    ],
)
def test_a_malformed_file_is_told_by_line_and_nothing_of_it_is_read(tmp_path, text, sentence):
    with pytest.raises(CurveError, match=r"\.$") as told:
        csv(tmp_path, text)
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CurveError, match="No such file"):
        read(tmp_path / "none.csv")


def test_a_named_column_is_taken_whatever_its_name(tmp_path):
    path = tmp_path / "run.csv"
    path.write_text("epoch,perplexity,loss\n1,9,1\n2,8,2\n")
    assert read(path, "perplexity").metrics["val_loss"] == (9.0, 8.0)
    with pytest.raises(CurveError, match="has no 'bleu'; it has loss, perplexity"):
        read(path, "bleu")


@settings(max_examples=200)
@given(
    values=st.lists(st.floats(allow_infinity=False), min_size=2, max_size=30),
    delimiter=st.sampled_from([",", ";", "\t"]),
    end=st.sampled_from(["\n", "\r\n"]),
    header=st.booleans(),
)
def test_what_was_written_is_read_back(tmp_path_factory, values, delimiter, end, header):
    lines = [f"{i}{delimiter}{v!r}" for i, v in enumerate(values, 1)]
    text = end.join([f"epoch{delimiter}loss", *lines] if header else lines)
    curve = csv(tmp_path_factory.getbasetemp(), text)
    assert curve.metrics["val_loss"] == tuple(None if math.isnan(v) else v for v in values)


@settings(max_examples=300)
@given(st.binary(max_size=200), st.sampled_from(["run.csv", "events.out.tfevents.1"]))
def test_no_bytes_make_it_fail_in_another_way(tmp_path_factory, content, name):
    path = Path(tmp_path_factory.getbasetemp()) / name
    path.write_bytes(content)
    with suppress(CurveError):
        assert isinstance(read(path), Curve)


@pytest.mark.parametrize("new_style", [False, True])
def test_a_tensorboard_file_is_read_with_what_belongs_together(tmp_path, new_style):
    with SummaryWriter(tmp_path) as writer:
        for step, (train, val) in enumerate([(2.0, 2.5), (1.0, 1.5), (0.5, math.nan)]):
            writer.add_scalar("Loss/train", train, step, new_style=new_style)
            writer.add_scalar("Loss/val", val, step, new_style=new_style)
            writer.add_scalar("learning_rate", 0.5**step, step, new_style=new_style)
            writer.add_text("note", "hello", step)
    curve = read(tmp_path)
    assert curve.epochs == (0, 1, 2)
    assert curve.metrics == {"val_loss": (2.5, 1.5, None), "train_loss": (2.0, 1.0, 0.5)}
    assert curve.lr == (1.0, 0.5, 0.25)


def test_a_tag_is_asked_for_where_no_name_says_what_it_is(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        for step in range(3):
            writer.add_scalar("a", step, step)
            writer.add_scalar("b", step + 1, step)
    with pytest.raises(CurveError, match="choose one with --tag among a, b"):
        read(tmp_path)
    assert read(tmp_path, "b").metrics["val_loss"] == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_event_file_is_told_and_not_read_in_part(tmp_path, damage):
    with SummaryWriter(tmp_path) as writer:
        for step in range(5):
            writer.add_scalar("loss", step, step)
    (path,) = tmp_path.glob("*tfevents*")
    content = path.read_bytes()
    flipped = content[:-10] + bytes([content[-10] ^ 1]) + content[-9:]
    path.write_bytes(content[:-3] if damage == "cut" else flipped)
    with pytest.raises(CurveError, match="is damaged after"):
        read(path)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("epoch", "counter"),
        ("global_step", "counter"),
        ("loss_step", "loss"),
        ("Loss/test", "val_loss"),
        ("training loss", "train_loss"),
        ("valid_loss", "val_loss"),
        ("lr-SGD/pg1", "lr"),
        ("Learning Rate", "lr"),
        ("train_acc", None),
        ("acc", "accuracy"),
        ("grad_norm", None),
    ],
)
def test_a_name_says_what_a_column_holds(name, what):
    assert meaning(name) == what
