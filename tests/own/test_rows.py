"""A CSV of numbers: its header, its labels, and what in it is refused."""

import pytest

from trainer.config.run import RunConfig
from trainer.own import rows
from trainer.own.errors import OwnError
from trainer.own.survey import survey


@pytest.fixture
def of(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "data.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def refused(path, target: str = "") -> str:
    with pytest.raises(OwnError) as caught:
        survey(RunConfig(dataset=str(path), target=target))
    assert str(caught.value).endswith(".")
    return str(caught.value).replace(str(path), "FILE")


def test_the_last_column_is_the_label(of):
    read = rows.read(of("a,b,kind\n1,2,cat\n3,4,dog\n5,6,cat\n"), "")
    assert (read.columns, read.target, list(read.values)) == (
        ("a", "b"),
        "kind",
        [1, 2, 3, 4, 5, 6],
    )
    assert (read.labels.classes, read.labels.values) == (("cat", "dog"), (0, 1, 0))


@pytest.mark.parametrize("target", ["kind", "1"])
def test_another_column_is_named_or_counted(of, target):
    read = rows.read(of("kind,a,b\ncat,1,2\ndog,3,4\n"), target)
    assert (read.columns, read.target, list(read.values)) == (("a", "b"), "kind", [1, 2, 3, 4])


def test_without_a_header_columns_are_counted(of):
    read = rows.read(of("1,2,cat\n3,4,dog\n"), "")
    assert (read.columns, read.target, len(read)) == (("column 1", "column 2"), "column 3", 2)
    assert rows.read(of("1.5,2\n3,4\n2.5,1\n"), "1").labels.classes == ()


@pytest.mark.parametrize(
    ("text", "values"),
    [("a;b;y\n1,5;2;x\n3;4,25;z\n", [1.5, 2, 3, 4.25]),
     ("a\tb\ty\n1\t2\tx\n3\t4\tz\n", [1, 2, 3, 4]),
     ("\ufeffa,b,y\r\n1,2,x\r\n\r\n3,4,z\r\n", [1, 2, 3, 4])],
)  # fmt: skip
def test_separators_and_decimal_commas_are_understood(of, text, values):
    read = rows.read(of(text), "")
    assert (list(read.values), read.columns) == (values, ("a", "b"))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["0", "1", "2"], ("0", "1", "2")),
        (["10", "9", "-1"], ("-1", "9", "10")),
        (["yes", "no", "no"], ("no", "yes")),
        ([str(i) for i in range(20)], tuple(str(i) for i in range(20))),
        ([str(i) for i in range(21)], ()),
        (["1.0", "2.0", "1.0"], ()),
        (["0.5", "2", "3"], ()),
        (["1", "two", "3"], ("1", "3", "two")),
    ],
)
def test_words_and_few_whole_numbers_are_classes(of, labels, classes):
    text = "a,y\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels))
    assert rows.read(of(text), "").labels.classes == classes


def test_what_is_done_to_it_is_said(of):
    text = "a,y\n" + "".join(f"{i},{i / 7}\n" for i in range(30))
    found = survey(RunConfig(dataset=str(of(text)), model="mlp"))
    assert (found.train, found.val, found.test, found.shape) == (25, 2, 3, (1,))
    assert found.told() == [
        "25 rows of numbers to train, 2 to validate, 3 to test; a number to predict.",
        "The column y is what to predict: a number, with the mean squared error as loss.",
        "Each column is standardised by its mean and deviation in the train part, and so is what "
        "to predict: to say the mean always would be a loss of 1.",
        "A tenth tests, the same for every seed; a tenth of the rest validates, by the seed.",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b,y\n1,2,x\n3,z\n", "Line 3 of FILE has 2 cells, and the first has 3."),
        ("a,b,y\n1,2,x\n3,four,z\n", "Line 3 of FILE has 'four' in the column b, which must be a "
         "number: leave the row or the column out."),
        ("a,b,y\n1,2,x\n3,,z\n", "Line 3 of FILE has nothing in the column b, which must be a "
         "number: leave the row or the column out."),
        ("a,b,y\n1,2,x\n3,nan,z\n", "Line 3 of FILE has 'nan' in the column b, which must be a "
         "number: leave the row or the column out."),
        ("a,y\n1,x\n2,\n", "Line 3 of FILE has no label in the column y."),
        ("a,y\n", "FILE has fewer than two rows."),
        ("y\n1\n2\n", "FILE has one column only: it takes numbers and a label."),
        ("a,y\n1,x\n2,x\n3,x\n", "FILE has one class only, x: there is nothing to tell apart."),
        ("a,y\n1,x\n2,z\n", "FILE has 2 samples: it takes at least 3."),
        (b"a,y\n1,\xff\n2,z\n", "FILE is no text in UTF-8: save it as such."),
    ],
    ids=range(10),
)  # fmt: skip
def test_what_cannot_be_read_is_named_by_its_line(of, text, says):
    assert refused(of(text)) == says


def test_a_column_that_is_not_there_is_said(of):
    path = of("a,b,y\n1,2,x\n3,4,z\n5,6,x\n")
    assert refused(path, "price") == "FILE has no column price: it has a, b, y."


def test_it_is_read_again_only_after_it_has_changed(of):
    path = of("a,y\n1,x\n2,z\n3,x\n")
    config = RunConfig(dataset=str(path))
    first = survey(config)
    assert survey(config) is first
    of("a,y\n1,x\n2,z\n3,x\n4,x\n")
    assert (survey(config).train, survey(config).stamp == first.stamp) == (2, False)
