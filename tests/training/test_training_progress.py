import json
import re

from training_progress import EpochRecord, Progress

RECORD = EpochRecord(
    epoch=1,
    train_loss=0.51234,
    train_accuracy=0.81226,
    validation_loss=0.41,
    validation_accuracy=0.8512,
    learning_rate=0.003,
    images_per_second=2049.6,
    seconds=26.91,
)


def test_an_epoch_is_logged_in_the_agreed_form() -> None:
    assert RECORD.line(3) == (
        "epoch=1/3 train_loss=0.5123 train_accuracy=0.8123 validation_loss=0.4100 validation_accuracy=0.8512 "
        "learning_rate=0.003000 images_per_second=2050 seconds=26.9"
    )


def test_progress_is_logged_in_the_agreed_form() -> None:
    progress = Progress(epoch=1, step=159, images=20352, loss_sum=0.4312 * 20352)
    assert progress.line(3, 55_000) == "progress=0.46 epoch=2/3 images=20352/55000 loss=0.4312"


def test_progress_survives_json_to_the_last_bit() -> None:
    progress = Progress(
        epoch=1, step=5, images=640, loss_sum=0.1 + 0.2, correct=600, seconds=1 / 3, history=[RECORD]
    )
    assert Progress.from_json(json.loads(json.dumps(progress.to_json()))) == progress


def test_a_new_epoch_starts_from_nothing() -> None:
    progress = Progress(step=5, images=640, loss_sum=3.0, correct=600, seconds=1.0)
    progress.start_epoch(RECORD)
    assert progress == Progress(epoch=1, history=[RECORD])
    assert re.match(r"progress=0\.50 epoch=2/2 images=0/640 loss=0\.0000", progress.line(2, 640))
