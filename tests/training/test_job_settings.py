from collections.abc import Mapping
from pathlib import Path

import pytest

from job_settings import JobSettings, parse_settings
from training_failure import UsageError

CNN = ["--candidate", "cnn-3x3", "--architecture", "cnn", "--kernel-size", "3"]


def settings(argv: list[str], environ: Mapping[str, str]) -> JobSettings:
    return parse_settings([*CNN, *argv], "", environ)


def test_folders_default_to_the_container_contract() -> None:
    found = settings([], {})
    assert found.train == Path("/opt/ml/input/data/train")
    assert found.manifest == Path("/opt/ml/input/data/manifest")
    assert found.model_dir == Path("/opt/ml/model")
    assert found.checkpoint_dir == Path("/opt/ml/checkpoints")
    assert found.threads >= 1
    assert found.precision == "auto"


def test_the_variables_of_sagemakers_driver_come_before_the_contract() -> None:
    found = settings([], {"SM_CHANNEL_TRAIN": "/a", "SM_MODEL_DIR": "/b", "SM_NUM_CPUS": "3"})
    assert (found.train, found.model_dir, found.threads) == (Path("/a"), Path("/b"), 3)


def test_flags_come_before_the_variables() -> None:
    found = settings(["--train", "/c", "--threads", "2"], {"SM_CHANNEL_TRAIN": "/a", "SM_NUM_CPUS": "3"})
    assert (found.train, found.threads) == (Path("/c"), 2)


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--epoch", "3"], "unrecognized arguments: --epoch 3"),
        (["--kernels", "3"], "unrecognized arguments: --kernels 3"),
        (["--train"], "expected one argument"),
        (["--threads", "0"], "--threads must be at least 1, not 0"),
        (["--threads", "all"], "threads must be a whole number"),
        (["--precision", "bfloat16"], r"--precision takes auto or float32 \(got 'bfloat16'\)"),
    ],
)
def test_wrong_flags_are_refused(argv: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        settings(argv, {})


def test_a_missing_flag_is_named() -> None:
    with pytest.raises(UsageError, match="--candidate"):
        parse_settings(["--architecture", "cnn"], "", {})


def test_help_shows_folders_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        settings(["--help"], {"SM_CHANNEL_TRAIN": "/data/100%s"})
    assert end.value.code == 0
    assert "/data/100%s" in capsys.readouterr().out
