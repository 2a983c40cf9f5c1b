"""train.py as a job runs it: a process of its own, SM_* variables, flags, signals, files."""

import contextlib
import json
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devices import multiplies_in_bfloat16

Start = Callable[..., "subprocess.Popen[str]"]
Trained = tuple[Path, str]

CNN = {"candidate": "cnn-3x3", "architecture": "cnn", "kernel_size": 3}
SHORT = {**CNN, "epochs": 4, "batch_size": 64, "learning_rate": 0.004}


def finish(job: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = job.communicate(timeout=600)
    return job.returncode, out, err


def read(job: Path, name: str) -> Any:
    return json.loads((job / "model" / name).read_text())


@pytest.fixture(scope="module")
def trained(real_folder: Path, start_job: Start, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The folder and the log of a job."""
    folder = tmp_path_factory.mktemp("trained")
    status, out, err = finish(start_job(real_folder, folder, **SHORT))
    assert status == 0, err
    return folder, out


def test_a_job_leaves_a_model_that_has_learnt(trained: Trained, real_folder: Path) -> None:
    job, out = trained
    assert [line.split()[0] for line in out.splitlines() if line.startswith("epoch=")] == [
        f"epoch={epoch}/4" for epoch in (1, 2, 3, 4)
    ]
    metrics, environment = read(job, "metrics.json"), read(job, "environment.json")
    assert metrics["validation_accuracy"] > 0.7
    assert (metrics["candidate"], metrics["epochs"]) == ("cnn-3x3", 4)
    assert environment["hyperparameters"]["learning_rate"] == 0.004
    expected = "mixed_bfloat16" if multiplies_in_bfloat16() else "float32"
    assert (environment["threads"], environment["precision"]) == (1, expected)
    assert f"CPU, {expected}, threads: 1" in out
    assert len(environment["data_digest"]) == len(environment["code_digest"]) == 64
    assert f"weights_digest={read(job, 'model.json')['weights_digest']}" in out
    assert not (job / "output" / "failure").exists()


def test_float32_can_be_asked_for_and_nothing_is_gone_on_with_that_was_computed_otherwise(
    trained: Trained, real_folder: Path, start_job: Start, tmp_path: Path
) -> None:
    variables = {"SM_CHECKPOINT_DIR": trained[0] / "checkpoints"}
    status, out, err = finish(start_job(real_folder, tmp_path, variables, **SHORT, precision="float32"))
    assert status == 0, err
    assert read(tmp_path, "environment.json")["precision"] == "float32"
    assert "Not continuing from" in out
    told = "precision is 'mixed_bfloat16' there and 'float32' here"
    assert (told in out) == multiplies_in_bfloat16()
    same = read(tmp_path, "model.json")["weights_digest"] == read(trained[0], "model.json")["weights_digest"]
    assert same != multiplies_in_bfloat16()


def test_a_training_stopped_by_sigterm_goes_on_to_the_same_weights(
    trained: Trained, real_folder: Path, start_job: Start, tmp_path: Path
) -> None:
    """So the same seed gives the same weights, in another process and with a stop on the way."""
    job = start_job(real_folder, tmp_path, **SHORT)
    assert job.stdout is not None
    next(line for line in job.stdout if line.startswith("epoch=1/"))
    job.send_signal(signal.SIGTERM)
    status, out, err = finish(job)
    assert status == 143, err
    assert "Stopped by SIGTERM in epoch" in out
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "output" / "failure").exists()

    status, out, err = finish(start_job(real_folder, tmp_path, **SHORT))
    assert status == 0, err
    assert "Continuing after epoch" in out
    assert "epoch=1/4" not in out
    digest = read(trained[0], "model.json")["weights_digest"]
    assert read(tmp_path, "model.json")["weights_digest"] == digest
    losses = [
        [record["train_loss"] for record in read(job, "history.json")] for job in (trained[0], tmp_path)
    ]
    assert losses[0] == losses[1]


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that nothing listens at."""
    for first in range(21_000, 32_000, count):
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("", port))
            return first
    raise AssertionError("no free ports")


def test_two_hosts_stop_together_go_on_together_and_train_as_one_does(
    trained: Trained, real_folder: Path, start_job: Start, tmp_path: Path
) -> None:
    folders = [tmp_path / "algo-1", tmp_path / "algo-2"]

    def start_both() -> list["subprocess.Popen[str]"]:
        common = {
            "SM_HOSTS": json.dumps([folder.name for folder in folders]),
            "SM_MASTER_ADDR": "127.0.0.1",
            "SM_MASTER_PORT": free_ports(2),
            "SM_CHECKPOINT_DIR": tmp_path / "checkpoints",  # S3 gives every host the same ones
        }
        return [
            start_job(real_folder, folder, {**common, "SM_CURRENT_HOST": folder.name}, **SHORT)
            for folder in folders
        ]

    jobs = start_both()
    assert jobs[0].stdout is not None
    next(line for line in jobs[0].stdout if line.startswith("epoch=1/"))
    jobs[1].send_signal(signal.SIGTERM)  # one host is enough
    ended = [finish(job) for job in jobs]
    assert [status for status, _, _ in ended] == [143, 143], ended
    stops = [line for _, out, _ in ended for line in out.splitlines() if line.startswith("Stopped")]
    assert len(stops) == 2
    assert stops[0] == stops[1]

    ended = [finish(job) for job in start_both()]
    assert [status for status, _, _ in ended] == [0, 0], ended
    (_, chief, _), (_, other, _) = ended
    digest = read(folders[0], "model.json")["weights_digest"]
    assert f"weights_digest={digest}" in chief
    assert f"weights_digest={digest}" in other
    assert "Continuing after epoch" in other
    assert "epoch=4/4" in chief
    assert "epoch=4/4" not in other
    assert not (folders[1] / "model").exists()
    assert read(folders[0], "environment.json")["precision"] == "float32"  # their CPUs may differ
    alone, together = (read(job, "history.json") for job in (trained[0], folders[0]))
    # The same batches: the hosts' sums are rounded otherwise, and that grows from step to step.
    assert together[0]["train_loss"] == pytest.approx(alone[0]["train_loss"], rel=0.02)
    assert together[-1]["train_loss"] == pytest.approx(alone[-1]["train_loss"], rel=0.1)
    assert together[-1]["validation_accuracy"] == pytest.approx(alone[-1]["validation_accuracy"], abs=0.03)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"epochs": 0}, "epochs must be"),
        ({"learning_rate": -0.1}, "learning-rate must be"),
        ({"dropout": 0.5}, "unrecognized arguments: --dropout 0.5"),
    ],
)
def test_wrong_usage_ends_with_status_2_and_says_so_in_the_failure_file(
    start_job: Start, tmp_path: Path, flags: dict[str, object], told: str
) -> None:
    status, _, err = finish(start_job(tmp_path, tmp_path / "job", **{**SHORT, **flags}))
    assert status == 2
    assert told in err
    assert "Traceback" not in err
    assert told in (tmp_path / "job/output/failure").read_text()


def test_missing_data_end_the_job_with_status_1_and_one_message(start_job: Start, tmp_path: Path) -> None:
    status, _, err = finish(start_job(tmp_path / "nowhere", tmp_path / "job", **SHORT))
    assert status == 1
    assert "manifest.json" in err
    assert "Traceback" not in err
    assert (tmp_path / "job/output/failure").read_text().startswith("There is no file ")
    assert not (tmp_path / "job/model").exists()


def test_help_describes_every_flag(start_job: Start, tmp_path: Path) -> None:
    job = start_job(tmp_path, tmp_path, **CNN, help="")
    status, out, _ = finish(job)
    assert status == 0
    for flag in ("--candidate", "--kernel-size", "--learning-rate", "--checkpoint-dir", "--threads"):
        assert flag in out
