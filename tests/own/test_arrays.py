"""An .npz of x and y."""

from pathlib import Path

import numpy as np
import pytest

from trainer.config.run import RunConfig
from trainer.own.errors import OwnError
from trainer.own.survey import Survey, survey

Y = np.arange(30) % 3


@pytest.fixture
def of(tmp_path):
    def write(**arrays):
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return path

    return write


def found(path: Path, **settings: int) -> Survey:
    return survey(RunConfig(dataset=str(path), **settings))


@pytest.mark.parametrize(
    ("shape", "dtype", "sample"),
    [((8, 8), "uint8", (1, 8, 8)), ((8, 9, 3), "uint8", (3, 8, 9)), ((3, 8, 8), "uint8", (3, 8, 8)),
     ((8, 8), "float32", (1, 8, 8)), ((5,), "int64", (5,)), ((5,), "float64", (5,))],
)  # fmt: skip
def test_images_and_rows_are_told_by_their_shape(of, shape, dtype, sample):
    survey = found(of(x=np.zeros((30, *shape), dtype), y=Y))
    assert (survey.shape, survey.classes) == (sample, ("0", "1", "2"))
    assert (survey.train, survey.val, survey.test) == (25, 2, 3)
    assert any("standardised" in note for note in survey.notes) == (
        dtype != "uint8" or len(shape) == 1
    )


def test_arrays_to_test_with_are_used(of):
    survey = found(of(x_train=np.zeros((30, 4)), y_train=Y, x_test=np.zeros((6, 4)), y_test=Y[:6]))
    assert (survey.train, survey.val, survey.test) == (27, 3, 6)


def test_an_image_size_resizes_them_and_is_said(of):
    survey = found(of(x=np.zeros((30, 8, 9), "uint8"), y=Y), image_size=16)
    assert survey.shape == (1, 16, 16)
    assert survey.notes[0] == "Images of 9 × 8 pixels are resized to 16 × 16."


@pytest.mark.parametrize(
    ("y", "classes"),
    [(Y, 3), (Y.astype(bool), 2), (np.array(["a", "b", "c"])[Y], 3), (Y / 2, 0),
     (Y.reshape(-1, 1), 3), (np.arange(30), 0)],
)  # fmt: skip
def test_words_and_few_whole_numbers_are_classes(of, y, classes):
    assert len(found(of(x=np.zeros((30, 4)), y=y)).classes) == classes


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": np.zeros((3, 4))}, "must have the arrays x and y; it has x."),
        ({"x": np.zeros((30, 4)), "y": Y[:7]}, "one label in y for each sample in x: their shapes"),
        ({"x": np.zeros((30, 4)), "y": np.eye(30)}, "one label in y for each sample in x"),
        ({"x": np.zeros((30, 2, 3, 4, 5)), "y": Y}, "a sample has the shape (2, 3, 4, 5)"),
        ({"x": np.array([{}] * 30, object), "y": Y}, "cannot be read as an .npz of numbers"),
        ({"x": np.zeros((30, 4)), "y": np.full(30, np.nan)}, "a label in y that is no finite"),
        ({"x": np.zeros((30, 4)), "y": 0 * Y}, "has one class only, 0"),
        ({"x": np.zeros((30, 4), complex), "y": Y}, "must have numbers of one shape in x"),
    ],
)
def test_what_does_not_fit_is_refused(of, arrays, says):
    path = of(**arrays)
    with pytest.raises(OwnError) as caught:
        found(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)


def test_what_is_no_npz_is_refused(tmp_path):
    path = tmp_path / "data.npz"
    path.write_bytes(b"PK no zip")
    with pytest.raises(OwnError, match=r"cannot be read as an \.npz"):
        found(path)
