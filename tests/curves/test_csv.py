"""Loss curves from elsewhere: every dialect is read as it was meant, and whatever is wrong with a
file is said in one sentence. torch's SummaryWriter writes the event files.
"""

import csv
import io
import math
import struct
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.types_pb2 import DT_RESOURCE, DT_STRING, DT_VARIANT, DataType
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from torch.utils.tensorboard import SummaryWriter

from trainer.curves.csv import Curve, CurveError, read


@pytest.fixture
def curve(tmp_path: Path) -> Callable[..., Curve]:
    def write(text: str, tag: str | None = None, encoding: str = "utf-8") -> Curve:
        path = tmp_path / "curve.csv"
        path.write_bytes(text.encode(encoding))
        return read(path, tag)

    return write


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """A folder with one event file of (tag, value, step)."""

    def write(
        *scalars: tuple[str, float, int],
        new_style: bool = False,
        more: Callable[[Any], None] | None = None,
    ) -> Path:
        with SummaryWriter(str(tmp_path / "run")) as writer:
            for tag, value, step in scalars:
                writer.add_scalar(tag, value, step, new_style=new_style)
            if more:
                more(writer)
        return tmp_path / "run"

    return write


LOSSES = (0.5, 0.25, 0.125)


@pytest.mark.parametrize(
    "text",
    [
        "0.5\n0.25\n0.125\n",
        "1,0.5\n2,0.25\n3,0.125",
        "1;0,5\n2;0,25\n3;0,125",
        "loss\n0,5\n0,25\n0,125\n",
        "epoch\tloss\r\n1\t0.5\r\n2\t0.25\r\n3\t0.125\r\n",
        "\ufeffEpoch;Val_Loss\n1;0,5\n2;0,25\n3;1,25e-1\n",
        "# a comment\n\n Epoch , Validation Loss \n1, 5e-1\n\n2,0.25\n# another\n3,.125\n",
        'valLoss,"a; b; c"\n0.5,x\n0.25,y\n0.125,z\n',
        '"Step","my; run - val_loss","my; run - val_loss__MIN"\n1,0.5,0\n2,0.25,0\n3,0.125,0\n',
        '"loss"\n"0.5"\n"0.25"\n"0.125"\n',
    ],
)
def test_a_lone_loss_is_the_curve_in_every_dialect(curve, text):
    assert curve(text) == Curve("curve.csv", (1, 2, 3), {"val_loss": LOSSES})


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("loss", "val_loss"),
        ("valid_loss", "val_loss"),
        ("eval/loss", "val_loss"),
        ("Loss/test", "val_loss"),
        ("val_loss_epoch", "val_loss"),
        ("Training Loss", "train_loss"),
        ("train/loss", "train_loss"),
        ("train_loss_epoch", "train_loss"),
        ("val_acc", "val_accuracy"),
        ("accuracy", "val_accuracy"),
    ],
)
def test_the_usual_names_are_known(curve, name, role):
    assert curve(f"{name}\n0.5\n0.25\n0.125\n").metrics == {role: LOSSES}


@pytest.mark.parametrize("name", ["lr", "learning_rate", "Learning Rate", "lr-Adam", "train/lr"])
def test_the_lr_is_taken_along(curve, name):
    assert curve(f"loss,{name}\n2,0.1\n1,0\n").lr == (0.1, 0.0)


def test_keras_has_the_train_loss_as_the_bare_loss(curve):
    text = "epoch,accuracy,loss,val_accuracy,val_loss\n0,.1,3,.2,2\n1,.3,1,.4,NA\n2,.3,1,.4,nan\n"
    assert curve(text) == Curve(
        "curve.csv",
        (0, 2),
        {
            "train_loss": (3, 1),
            "val_loss": (2, None),
            "val_accuracy": (0.2, 0.4),
            "accuracy": (0.1, 0.3),
        },
    )


def test_lightning_has_train_and_validation_and_lr_on_lines_of_their_own(curve):
    text = """epoch,lr-Adam,step,train_loss,val_loss
,0.1,0,,
0,,49,0.9,
0,,99,0.8,
0,,93,,0.5
,0.01,94,,
1,,149,0.7,
1,,187,,0.4
,0.01,188,,
2,,199,0.6,
"""
    assert curve(text) == Curve(
        "curve.csv", (0, 1), {"train_loss": (0.8, 0.7), "val_loss": (0.5, 0.4)}, lr=(0.1, 0.01)
    )


def test_of_two_wandb_runs_one_is_chosen_with_what_belongs_to_it(curve):
    text = '"Step","a - val_loss","b - val_loss","b - lr"\n1,3,5,.1\n2,2,,\n3,1,4,.1\n'
    with pytest.raises(CurveError, match="choose one of a - val_loss, b - lr, b - val_loss"):
        curve(text)
    assert curve(text, "a - val_loss") == Curve("curve.csv", (1, 2, 3), {"val_loss": (3, 2, 1)})
    b = Curve("curve.csv", (1, 3), {"val_loss": (5, 4)}, lr=(0.1, 0.1))
    assert curve(text, "b - val_loss") == b


def test_a_column_of_any_name_can_be_chosen(curve):
    assert curve("mse,lr\n2,1\n1,1\n", "mse").metrics == {"mse": (2, 1)}
    assert curve("my acc,loss\n20,1\n10,1\n", "my acc").metrics["my acc"] == (0.2, 0.1)


def test_what_is_not_finite_is_none(curve):
    assert curve("loss\nnan\ninf\n-3\nNaN\n").metrics["val_loss"] == (None, None, -3, None)
    assert curve("epoch,loss\n1,2\n2,\n3,\n").metrics["val_loss"] == (2, None, None)


def test_percent_become_fractions(curve):
    assert curve("acc\n0.5\nnan\n90\n").metrics["val_accuracy"] == (0.005, None, 0.9)


def test_latin_1_is_read(curve):
    assert curve("époque,loss\n1,2\n2,1\n", encoding="latin-1").metrics["val_loss"] == (2, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("loss\n1\n", "has 1 value of loss"),
        ("loss\n", "has no value of loss"),
        ("1,2,3\n2,3,4\n", "line 1 has 3 numbers"),
        ("a,b\n1,2\n2,3\n", "choose one of a, b"),
        ("epoch,loss\n1,2\n\n2,x\n", "line 4: loss is 'x', not a number"),
        ("epoch,loss\n1,2\n2,1_0\n", "line 3: loss is '1_0', not a number"),
        ("epoch,loss\n1,2\n2,3,4\n", "line 3 has 3 fields where the first line has 2"),
        ("epoch,loss\n1,2\n1,3\n", "line 3: 1 comes after 1"),
        ("epoch,loss\n2,2\n1,3\n", "line 3: 1 comes after 2"),
        ("epoch,loss\n1,2\n1.5,3\n", "line 3: epoch is not a whole number"),
        ("epoch,loss\n1,2\n,3\n", "line 3: epoch is not a whole number"),
        ("epoch,loss\n1,2\ninf,3\n", "line 3: epoch is not a whole number"),
        ("loss\n1\n-inf\n", "line 3: loss is -inf"),
        ("loss,lr\n1,.1\n1,\n", "line 3: lr is missing"),
        ("loss,lr\n1,.1\n1,-1\n", "line 3: lr is -1"),
        ("loss,lr\n1,.1\n1,nan\n", "line 3: lr is nan"),
        ("acc\n1\n101\n", "line 3: acc is 101"),
        ("loss,loss\n1,2\n2,3\n", "two columns called loss"),
        ('loss\n1\n"2\n', "line 3 is not CSV"),
        ("loss\n" + "1\n" * 10_001, "line 10002 is one more than 10,000"),
        ("loss\n1\n\0\n", "not a text file"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(curve, text, said):
    with pytest.raises(CurveError) as error:
        curve(text)
    assert said in str(error.value)
    assert str(error.value).startswith("curve.csv ")
    assert str(error.value).endswith(".")


def test_a_column_or_file_that_is_not_there_is_said(curve, tmp_path):
    with pytest.raises(CurveError, match="no column called mse: choose one of loss"):
        curve("loss\n1\n2\n", "mse")
    with pytest.raises(CurveError, match="cannot be read"):
        read(tmp_path / "none.csv")
    with pytest.raises(CurveError, match="has no event files"):
        read(tmp_path)


def fresh(data: bytes, name: str = "curve.csv", tag: str | None = None) -> Curve:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return read(path, tag)


@settings(max_examples=settings.default.max_examples // 4)  # an example writes a file and reads it
@given(
    losses=st.lists(st.floats().filter(lambda loss: loss != -math.inf), min_size=2, max_size=30),
    delimiter=st.sampled_from(",;\t"),
    ends=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]),
    header=st.booleans(),
    comma=st.booleans(),
)
def test_what_was_written_is_read(losses, delimiter, ends, quoting, encoding, header, comma):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=ends, quoting=quoting)
    if header:
        writer.writerow(["epoch", "val_loss"])
    for epoch, loss in enumerate(losses, 3):
        text = repr(loss)
        writer.writerow([epoch, text.replace(".", ",") if comma and delimiter != "," else text])
    found = fresh(file.getvalue().encode(encoding))
    assert found.epochs == tuple(range(3, 3 + len(losses)))
    assert found.metrics["val_loss"] == tuple(
        loss if math.isfinite(loss) else None for loss in losses
    )


@settings(max_examples=settings.default.max_examples // 4)  # an example writes a file and reads it
@given(
    st.binary() | st.text('01,;.\t\n\r"#-enaif losvpch_ \ufeff').map(str.encode),
    st.sampled_from(["curve.csv", "events.out.tfevents.1"]),
)
def test_no_bytes_raise_anything_but_a_curve_error(data, name):
    try:
        found = fresh(data, name)
    except CurveError as error:
        assert str(error)  # noqa: PT017
    else:
        assert len(found.epochs) >= 2


@pytest.mark.parametrize("new_style", [False, True])
def test_an_event_file_gives_the_loss_and_what_was_recorded_with_it(written, new_style):
    scalars = [("Loss/val", loss, step) for step, loss in enumerate(LOSSES)]
    scalars += [("Loss/train", loss, step) for step, loss in enumerate((*LOSSES, 4.0))]
    scalars += [("Accuracy/val", 0.5, step) for step in range(3)]
    scalars += [("lr", 0.25, 0), ("other", 1.0, 0)]  # not at every step
    folder = written(
        *scalars,
        new_style=new_style,
        more=lambda writer: writer.add_text("text", "no scalar"),
    )
    (file,) = folder.iterdir()
    metrics: dict[str, tuple[float | None, ...]]
    metrics = {"train_loss": LOSSES, "val_loss": LOSSES, "val_accuracy": (0.5, 0.5, 0.5)}
    expected = Curve(file.name, (0, 1, 2), metrics)
    assert read(folder) == read(file) == expected
    assert read(folder, "Loss/train").metrics["train_loss"] == (*LOSSES, 4.0)
    renamed = file.rename(file.with_name("curve"))
    assert read(renamed).metrics["val_loss"] == LOSSES


def test_the_only_tag_is_the_curve_and_the_last_value_of_a_step_wins(written):
    folder = written(("mse", 3, 1), ("mse", 2, 2), ("mse", math.nan, 3), ("mse", 1, 2))
    found = read(folder)
    assert (found.epochs, found.metrics["mse"]) == ((1, 2, 3), (3, 1, None))


@pytest.mark.parametrize(
    ("scalars", "tag", "said"),
    [
        ([], None, "has no scalars"),
        ([], "a", "has no scalars"),
        ([("a", 1, 1), ("b", 1, 1)], None, "choose one of a, b."),
        ([("a", 1, 1), ("b", 1, 1)], "c", "has no tag called c: choose one of a, b."),
        ([("val_loss", 1, 1)], None, "has 1 value of val_loss"),
        ([("a", 1, 1), ("a", -math.inf, 2)], None, "step 2: a is -inf"),
        ([("val_loss", 1, 1), ("val_loss", 1, 2), ("lr", 1, 1), ("lr", -1, 2)], None, "lr is -1"),
    ],
)
def test_what_is_wrong_with_an_event_file_is_said(written, scalars, tag, said):
    with pytest.raises(CurveError) as error:
        read(written(*scalars), tag)
    assert said in str(error.value)


def test_an_event_file_cut_off_or_damaged_anywhere_is_refused(written):
    folder = written(*[("val_loss", 1.0, step) for step in range(3)])
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    ends, end = set(), 0
    while end < len(whole):
        ends.add(end)
        end += struct.unpack_from("<Q", whole, end)[0] + 16
    for at in range(len(whole)):
        spoilt = bytearray(whole)
        spoilt[at] ^= 1
        with pytest.raises(CurveError, match="damaged"):
            fresh(bytes(spoilt), file.name)
        if at not in ends:  # there it is a shorter file, and a whole one
            with pytest.raises(CurveError, match="cut off"):
                fresh(whole[:at], file.name)


def record(event: Any) -> bytes:
    """An event as a writer frames it, with true checksums."""
    data = event.SerializeToString()
    size = struct.pack("<Q", len(data))
    return b"".join(part + struct.pack("<I", masked_crc32c(part)) for part in (size, data))


@settings(max_examples=settings.default.max_examples // 10)  # an example writes an event file
@given(
    types=st.lists(st.sampled_from([*DataType.values(), 999]), min_size=1, max_size=3),
    content=st.binary(max_size=9),
    floats=st.lists(st.floats(width=32), max_size=2),
    dims=st.lists(st.integers(-1, 3), max_size=1),
)
def test_a_tensor_that_is_no_number_raises_nothing_but_a_curve_error(types, content, floats, dims):
    data = b""
    for step, dtype in enumerate(types):
        event = Event(step=step)
        value = event.summary.value.add(tag="val_loss")
        value.metadata.plugin_data.plugin_name = "scalars"
        value.tensor.dtype = dtype
        value.tensor.tensor_content = content
        value.tensor.float_val.extend(floats)
        for size in dims:
            value.tensor.tensor_shape.dim.add(size=size)
        data += record(event)
    with suppress(CurveError):
        assert len(fresh(data, "events.out.tfevents.1").epochs) >= 2


@pytest.mark.parametrize("dtype", [DT_RESOURCE, DT_VARIANT, DT_STRING])
def test_a_scalar_of_a_type_without_numbers_is_damaged(dtype):
    event = Event(step=1)
    value = event.summary.value.add(tag="val_loss")
    value.metadata.plugin_data.plugin_name = "scalars"
    value.tensor.dtype = dtype
    with pytest.raises(CurveError, match="damaged after byte 0"):
        fresh(record(event), "events.out.tfevents.1")


def test_two_event_files_are_not_guessed_between(written):
    folder = written(("val_loss", 1, 1))
    (folder / "events.out.tfevents.2").touch()
    with pytest.raises(CurveError, match="has 2 event files"):
        read(folder)
