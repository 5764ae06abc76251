"""The files that Lightning and Weights & Biases write are read as they are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.curves.csv import Curve, CurveError, read

# As Lightning 2.6 wrote it: CSVLogger, LearningRateMonitor, log_every_n_steps=4, and a train loss
# that is logged on_step and on_epoch. Each epoch has five lines, and its LR comes before it.
LIGHTNING = """epoch,lr-Adam,step,train_loss_epoch,train_loss_step,val_loss,val_mae
,0.05,0,,,,
0,,3,,5.867608070373535,,
0,,7,,2.82155442237854,,
0,,7,,,2.226687431335449,1.2004128694534302
0,,7,3.337728261947632,,,
,0.05,8,,,,
1,,11,,1.359961748123169,,
1,,15,,0.8048447966575623,,
1,,15,,,0.9025181531906128,0.7645984888076782
1,,15,1.540966272354126,,,
,0.025,16,,,,
2,,19,,0.1792457103729248,,
2,,23,,0.16249732673168182,,
2,,23,,,0.2518050968647003,0.40840497612953186
2,,23,0.6199139952659607,,,
"""
# A chart of two runs, as the page exports it: each metric with its bounds.
CHART = (
    '"Step","sweet-fog-1 - val_loss","sweet-fog-1 - val_loss__MIN","sweet-fog-1 - val_loss__MAX",'
    '"warm-sun-2 - val_loss","warm-sun-2 - val_loss__MIN","warm-sun-2 - val_loss__MAX"\n'
    '"0","0.9","0.9","0.9","0.8","0.8","0.8"\n"1","0.7","0.7","0.7","","",""\n'
    '"2","0.6","0.6","0.6","0.5","0.5","0.5"\n'
)
# run.history().to_csv(): what was logged for a batch has no epoch.
HISTORY = """,_step,_runtime,_timestamp,epoch,train_loss,val_loss,val_f1,note
0,0,1.5,1700000000.5,,1.0,,,
1,1,2.5,1700000001.5,,0.9,,,
2,2,3.0,1700000002.0,0.0,,0.8,0.5,first
3,3,4.5,1700000003.5,,0.7,,,
4,4,5.0,1700000004.0,1.0,,0.6,0.6,
"""
# The same of a transformers Trainer: epochs are fractions, and LR and loss have lines of their own.
TRAINER = """_step,_runtime,train/epoch,train/loss,train/learning_rate,eval/loss,eval/f1
10,1.0,0.5,2.5,0.001,,
20,2.0,1.0,2.0,0.0009,,
20,2.1,1.0,,,2.2,0.3
30,3.0,1.5,1.9,0.0008,,
40,4.1,2.0,,,1.8,0.4
"""


@pytest.fixture
def curve(tmp_path: Path) -> Callable[..., Curve]:
    def write(text: str, tag: str | None = None) -> Curve:
        path = tmp_path / "file.csv"
        path.write_text(text)
        return read(path, tag)

    return write


def test_the_lines_of_a_lightning_epoch_are_one_epoch(curve):
    assert curve(LIGHTNING) == Curve(
        "file.csv",
        (0, 1, 2),
        {
            "val_loss": (2.226687431335449, 0.9025181531906128, 0.2518050968647003),
            "train_loss": (3.337728261947632, 1.540966272354126, 0.6199139952659607),
            "val_mae": (1.2004128694534302, 0.7645984888076782, 0.40840497612953186),
        },
        lr=(0.05, 0.05, 0.025),
    )


def test_of_several_validations_in_an_epoch_the_last_counts(curve):
    text = "epoch,step,val_loss\n0,5,1\n0,9,.9\n1,12,.8\n1,18,.7\n"
    assert curve(text) == Curve("file.csv", (0, 1), {"val_loss": (0.9, 0.7)})


def test_a_file_of_lightning_with_only_losses_of_batches_has_no_curve(curve):
    text = "epoch,lr-Adam,step,train_loss_step\n,0.05,0,\n0,,3,5.8\n0,,7,2.8\n"
    with pytest.raises(CurveError, match="no single column"):
        curve(text)


def test_of_two_wandb_runs_one_is_asked_for_without_their_bounds(curve):
    with pytest.raises(CurveError) as refused:
        curve(CHART)
    asked = "choose one of sweet-fog-1 - val_loss, warm-sun-2 - val_loss."
    assert str(refused.value).endswith(asked)
    found = curve(CHART, "warm-sun-2 - val_loss")
    assert found == Curve("file.csv", (0, 2), {"val_loss": (0.8, 0.5)})


def test_the_only_metric_of_a_chart_is_the_curve_without_its_run(curve):
    found = curve('"Step","a - iou","a - iou__MIN","a - iou__MAX"\n1,.3,.3,.3\n2,.4,.4,.4\n')
    assert found == Curve("file.csv", (1, 2), {"iou": (0.3, 0.4)})


def test_a_history_of_wandb_is_merged_by_epoch(curve):
    assert curve(HISTORY) == Curve(
        "file.csv",
        (0, 1),
        {"val_loss": (0.8, 0.6), "train_loss": (0.9, 0.7), "val_f1": (0.5, 0.6)},
    )


def test_an_lr_holds_until_another_is_recorded(curve):
    found = curve(TRAINER.replace("20,2.1", "21,2.1"))
    assert (found.epochs, found.lr) == ((21, 40), (0.0009, 0.0008))
    assert found.metrics == {"val_loss": (2.2, 1.8), "eval/f1": (0.3, 0.4)}


def test_what_tensorboard_downloads_is_read(curve):
    text = "Wall time,Step,Value\n1700000000.1,1,0.5\n1700000001.2,2,0.25\n"
    assert curve(text) == Curve("file.csv", (1, 2), {"Value": (0.5, 0.25)})


def test_other_metrics_stay_and_what_is_no_metric_does_not(curve):
    text = "epoch,val_loss,test_loss,val_f1,grad_norm,loss_name\n1,2,3,.1,9,mse\n2,1,2,.2,8,mse\n"
    assert curve(text) == Curve(
        "file.csv", (1, 2), {"val_loss": (2, 1), "test_loss": (3, 2), "val_f1": (0.1, 0.2)}
    )


def test_the_metric_that_is_chosen_is_watched(curve):
    found = curve("epoch,train_loss,val_loss,val_f1\n1,3,2,.1\n2,2,1,.2\n", "val_f1")
    assert next(iter(found.metrics)) == "val_f1"
    assert found.metrics.keys() == {"val_f1", "train_loss", "val_loss"}
