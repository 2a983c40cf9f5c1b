"""The options for SageMaker's machines and network do not keep a run from happening here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.definition.settings import local_settings
from pipeline.local.state.local_aws import LocalAws
from pipeline.local.state.objects import Objects
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from tests.e2e.command import QUICK, check_refusal, run
from tests.e2e.conftest import Run

pytestmark = pytest.mark.e2e

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NETWORK = ("--subnets", "subnet-1,subnet-2", "--security-groups", "sg-1", "--isolate", "--encrypt-traffic")
EVERYTHING = ("--spot", *NETWORK, "--kms-key", KEY, "--tag", "CostCenter=1234")


def test_a_run_with_all_of_them_trains_and_says_what_it_does_without(
    small_data_set: Path, tmp_path: Path
) -> None:
    home, file = tmp_path / "home", tmp_path / "result.json"
    finished = run(
        home, "run", "--data", small_data_set, "--any-data", "--candidates", "baseline", *EVERYTHING, *QUICK,
        "--result", file,
    )  # fmt: skip
    assert finished.status == 0, finished.said
    idle = "--spot, --subnets, --security-groups, --kms-key, --isolate, --encrypt-traffic, --tag"
    assert f"In the definition, but without effect here: {idle}." in finished.err
    log = (
        Home.open(home).step_log(json.loads(file.read_text())["execution_id"], "Train-baseline-0").read_text()
    )
    assert "not done here, but on SageMaker: spot instances (checkpoints are kept all the same)" in log
    with Store(Home.open(home)) as store:
        checkpoints = local_settings(LocalAws.ACCOUNT, LocalAws.REGION).uri("checkpoints")
        assert list(Objects(Home.open(home), store).under(f"{checkpoints}/"))


def test_switching_them_on_reuses_what_was_trained_without(
    small_data_set: Path, first_run: Run, later_home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "result.json"
    finished = run(
        later_home, "run", "--data", small_data_set, "--any-data", "--candidates", "baseline,cnn-3x3",
        *EVERYTHING, *QUICK, "--result", file,
    )  # fmt: skip
    assert finished.status == 0, finished.said
    steps = json.loads(file.read_text())["steps"]
    assert {step["name"] for step in steps if step["cached"]} == {
        "NormalizeData", "Train-baseline-0", "Train-cnn-3x3-0", "Evaluate",
    }  # fmt: skip


def test_a_malformed_key_is_refused(tmp_path: Path) -> None:
    finished = run(tmp_path / "home", "definition", "--kms-key", "not a key", "--candidates", "baseline")
    check_refusal(finished, 2, "kms-keys-are-well-formed", "not 'not a key'")


def test_spot_and_a_warm_pool_are_refused_together(tmp_path: Path) -> None:
    finished = run(tmp_path / "home", "run", "--spot", "--warm-pool-seconds", "60")
    check_refusal(
        finished, 2, "--spot and --warm-pool-seconds 60 do not go together", "Leave one of them out"
    )
