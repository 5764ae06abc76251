"""A folder of images: what it is taken for, what is done to it, and what is refused."""

import os
from pathlib import Path

import pytest

from tests.own.made import picture
from trainer.config.run import RunConfig
from trainer.own.errors import OwnError
from trainer.own.survey import refuse_too_large, survey


def of(path: Path, image_size: int = 0):
    return survey(RunConfig(dataset=str(path), image_size=image_size))


def refused(path: Path) -> str:
    with pytest.raises(OwnError) as caught:
        of(path)
    sentence = str(caught.value)
    assert sentence.count(". ") == 0
    assert sentence.endswith(".")
    return sentence


def filled(root: Path, each: int = 10, **kind) -> Path:
    """Two classes of so many images."""
    for name in ("cat", "dog"):
        for i in range(each):
            picture(root / name / f"{i}.png", **kind)
    return root


def test_a_folder_a_class_is_split_in_tenths(tmp_path):
    found = of(filled(tmp_path))
    assert found.classes == ("cat", "dog")
    assert (found.train, found.val, found.test) == (17, 1, 2)
    assert found.shape == (1, 8, 8)
    assert "A tenth tests" in found.notes[0]


def test_folders_for_train_val_and_test_are_taken_as_they_are(tmp_path):
    for part, each in (("train", 5), ("Valid", 3), ("test", 2)):
        filled(tmp_path / part, each)
    found = of(tmp_path)
    assert (found.train, found.val, found.test, found.notes) == (10, 6, 4, ())


def test_without_a_folder_test_nothing_is_tested(tmp_path):
    filled(tmp_path / "train", 5)
    filled(tmp_path / "val", 3)
    found = of(tmp_path)
    assert (found.train, found.val, found.test) == (10, 6, 0)
    assert found.notes == ("There is no folder test: no test result is measured.",)


def test_without_a_folder_val_a_tenth_of_train_validates(tmp_path):
    filled(tmp_path / "train", 20)
    filled(tmp_path / "test", 3)
    assert (of(tmp_path).train, of(tmp_path).val, of(tmp_path).test) == (36, 4, 6)


def test_sizes_are_made_equal_and_this_is_said(tmp_path):
    filled(tmp_path, size=(300, 200))
    picture(tmp_path / "cat" / "large.png", size=(500, 375))
    found = of(tmp_path)
    assert found.shape == (1, 64, 64)
    assert found.notes[0] == "Images of 300 × 200 to 500 × 375 pixels are resized to 64 × 64."
    assert of(tmp_path, image_size=32).shape == (1, 32, 32)


def test_images_of_one_small_size_stay_as_they_are(tmp_path):
    found = of(filled(tmp_path, size=(32, 32), mode="RGB"))
    assert found.shape == (3, 32, 32)
    assert not [note for note in found.notes if "resized" in note]


def test_grey_among_colour_is_made_rgb_and_this_is_said(tmp_path):
    filled(tmp_path, mode="RGB")
    picture(tmp_path / "cat" / "grey.png", mode="L")
    found = of(tmp_path)
    assert found.shape == (3, 8, 8)
    assert "Grey images are made RGB." in found.notes


def test_a_broken_image_is_named(tmp_path):
    filled(tmp_path)
    broken = tmp_path / "dog" / "3.png"
    broken.write_bytes(b"no image")
    assert refused(tmp_path).startswith(f"{broken} cannot be read as an image")


def test_an_empty_class_is_named(tmp_path):
    filled(tmp_path)
    (tmp_path / "fish").mkdir()
    assert refused(tmp_path) == (
        f"The class fish has no images in {tmp_path / 'fish'}: add some, or move that "
        "folder elsewhere."
    )


@pytest.mark.parametrize("within", [".", "train"])
def test_a_folder_that_holds_data_sets_names_one(tmp_path, within):
    filled(tmp_path / "pets" / within)
    filled(tmp_path / "toys" / within)
    (tmp_path / "code").mkdir()
    assert refused(tmp_path) == (
        f"The folders in {tmp_path} are not the classes of one data set: give the path of the data "
        f"itself, such as {tmp_path / 'pets'}."
    )


def test_a_data_set_beside_a_folder_of_images_is_named(tmp_path):
    filled(tmp_path / "pets")
    picture(tmp_path / "a screenshot" / "1.png")
    assert refused(tmp_path).endswith(f"give the path of the data itself, such as {tmp_path}/pets.")


def test_images_of_a_class_in_a_folder_within_are_to_be_moved(tmp_path):
    filled(tmp_path)
    picture(tmp_path / "fish" / "images" / "1.png")
    assert refused(tmp_path) == (
        f"The class fish has its images in {tmp_path}/fish/images: move them up into "
        f"{tmp_path}/fish."
    )


def test_a_folder_without_any_image_below_is_not_taken_for_classes(tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "notes").mkdir()
    assert refused(tmp_path) == (
        f"{tmp_path} has no images in its folders: give the path of a folder that has the images "
        "of each class in a folder of its own."
    )


def test_one_class_alone_is_refused(tmp_path):
    picture(tmp_path / "cat" / "1.png")
    assert refused(tmp_path) == (
        f"{tmp_path} has one class only, cat: there is nothing to tell apart."
    )


def test_images_without_a_folder_a_class_are_refused(tmp_path):
    picture(tmp_path / "1.png")
    assert "put the images of each class into a folder of its own" in refused(tmp_path)


def test_a_class_that_is_not_trained_is_refused(tmp_path):
    filled(tmp_path / "train")
    filled(tmp_path / "val")
    picture(tmp_path / "val" / "fish" / "1.png")
    assert refused(tmp_path).startswith("The class fish of val is not among those of train")


def test_a_class_that_is_not_tested_is_said(tmp_path):
    filled(tmp_path / "train")
    picture(tmp_path / "test" / "cat" / "1.png")
    assert "The folder test has no image of dog." in of(tmp_path).notes


def test_uneven_classes_are_said(tmp_path):
    filled(tmp_path, 4)
    for i in range(20):
        picture(tmp_path / "dog" / f"more {i}.png")
    assert "The classes are uneven: 24 of dog, 4 of cat." in of(tmp_path).notes


def test_hidden_folders_are_no_classes(tmp_path):
    filled(tmp_path)
    (tmp_path / ".cache").mkdir()
    (tmp_path / "__MACOSX").mkdir()
    assert of(tmp_path).classes == ("cat", "dog")


def test_what_comes_later_is_seen(tmp_path):
    before = of(filled(tmp_path))
    assert of(tmp_path) is before
    picture(tmp_path / "dog" / "later.png")
    assert (of(tmp_path).train, of(tmp_path).stamp == before.stamp) == (18, False)


def test_what_is_not_there_is_said(tmp_path):
    path = tmp_path / "nothing"
    assert refused(path) == f"There is nothing at {path}: give the path of your data."
    (tmp_path / "words.txt").write_text("1")
    assert "is neither a folder of images nor" in refused(tmp_path / "words.txt")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_said(tmp_path):
    path = filled(tmp_path / "locked")
    path.chmod(0)
    assert "cannot be read (Permission denied)" in refused(path)
    path.chmod(0o700)


def test_what_memory_has_no_room_for_is_refused_with_a_size_that_fits(tmp_path, monkeypatch):
    found = of(filled(tmp_path), image_size=256)
    assert found.bytes == 2 * 20 * 256 * 256
    memory = type("Memory", (), {"available": found.bytes})
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    with pytest.raises(OwnError) as caught:
        refuse_too_large(found)
    assert str(caught.value) == (
        f"The images of {tmp_path} at 256 × 256 take 3 MB of memory, of which 2 MB are free: "
        "choose the image size 224."
    )
    refuse_too_large(of(tmp_path, image_size=224))
