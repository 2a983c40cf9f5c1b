"""A job sees an allow-list of the user's environment, and what the request and the service give it."""

import sys
from pathlib import Path

import pytest

from pipeline.local.jobs.container import Container
from pipeline.local.jobs.environment import job_environment, visible_gpus

CONTAINER = Container(Path("/state/job"))


def test_nothing_of_the_user_passes_but_the_list() -> None:
    user = {
        "PATH": "/usr/bin", "LANG": "C.UTF-8", "TZ": "UTC", "CUDA_VISIBLE_DEVICES": "0", "XLA_FLAGS": "--x",
        "HOME": "/home/me", "TMPDIR": "/tmp", "PYTHONPATH": "/mine", "PYTHONSTARTUP": "/mine.py",
        "LD_PRELOAD": "/x.so",
        "AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "secret", "HTTP_PROXY": "http://proxy",
        "GITHUB_TOKEN": "secret",
    }  # fmt: skip
    environment = job_environment(user, CONTAINER, 3)
    assert environment == {
        "PATH": f"/state/job/.venv/bin:{Path(sys.executable).parent}:/usr/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "CUDA_VISIBLE_DEVICES": "0",
        "XLA_FLAGS": "--x",
        "HOME": "/state/job",
        "TMPDIR": "/state/job/tmp",
        "VIRTUAL_ENV": "/state/job/.venv",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "OMP_NUM_THREADS": "3",
        "SM_NUM_CPUS": "3",
        "SM_CHECKPOINT_DIR": "/state/job/opt/ml/checkpoints",
    }


def test_later_layers_win() -> None:
    environment = job_environment({}, CONTAINER, 1, {"A": "1", "B": "1"}, {"B": "2", "OMP_NUM_THREADS": "7"})
    assert (environment["A"], environment["B"], environment["OMP_NUM_THREADS"]) == ("1", "2", "7")


@pytest.mark.parametrize(
    ("visible", "count"),
    [("", 0), ("-1", 0), ("0", 1), ("0,1", 2), ("1, 3 ,5", 3), ("0,-1,1", 1), ("GPU-8932f937", 1)],
)
def test_the_user_decides_which_gpus_count(visible: str, count: int) -> None:
    assert len(visible_gpus({"CUDA_VISIBLE_DEVICES": visible})) == count
