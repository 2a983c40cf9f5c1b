"""`registry promote`: from approval to staging to production, in the local registry and by SageMaker's API."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.commands.registry import leave_stage
from pipeline.cli.main import main
from pipeline.errors import RegistryError, StateError, UsageError
from pipeline.local.state.registry_state import RegistryState
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store
from pipeline.registry import LONGEST_NOTE, Package, Registry, promotion
from tests.pipeline.targets.aws.stubbed import NOW, Stubbed

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/fashion-mnist/1"
APPROVED = Package(1, ARN, "Approved", "s3://bucket/model.tar.gz", "image", None, {})
STAGED = replace(APPROVED, life_cycle={"Stage": "Staging", "StageStatus": "Approved"})


def test_an_approved_version_goes_to_staging_and_then_to_production() -> None:
    assert promotion(APPROVED, "staging", "looks fine") == {
        "Stage": "Staging",
        "StageStatus": "Approved",
        "StageDescription": "looks fine",
    }
    assert promotion(STAGED, "production", "") == {"Stage": "Production", "StageStatus": "Approved"}


@pytest.mark.parametrize(
    ("package", "stage", "note", "told"),
    [
        (replace(APPROVED, approval="PendingManualApproval"), "staging", "", "registry approve 1"),
        (replace(STAGED, approval="Rejected"), "production", "", "it is Rejected"),
        (APPROVED, "production", "", "promote 1 --to staging"),
        (APPROVED, "staging", "x" * (LONGEST_NOTE + 1), "one line of at most 1024"),
        (APPROVED, "staging", "two\nlines", "one line"),
    ],
)
def test_what_may_not_be_promoted_is_refused_with_the_way(
    package: Package, stage: str, note: str, told: str
) -> None:
    with pytest.raises((RegistryError, UsageError), match=told):
        promotion(package, stage, note)


def described(**more: Any) -> dict[str, Any]:
    return {
        "ModelPackageName": "fashion-mnist",
        "ModelPackageGroupName": "fashion-mnist",
        "ModelPackageVersion": 1,
        "ModelPackageArn": ARN,
        "ModelApprovalStatus": "Approved",
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "CreationTime": NOW,
        **more,
    }


def test_on_sagemaker_the_stage_is_the_packages_life_cycle() -> None:
    stubbed = Stubbed()
    listed = {"ModelPackageArn": ARN, "CreationTime": NOW, "ModelPackageStatus": "Completed"}
    stubbed.on("sagemaker", "list_model_packages", {"ModelPackageSummaryList": [listed]})
    stubbed.on("sagemaker", "describe_model_package", described())
    cycle = {"Stage": "Staging", "StageStatus": "Approved"}
    changed = {"ModelPackageArn": ARN, "ModelLifeCycle": cycle}
    stubbed.on("sagemaker", "update_model_package", {"ModelPackageArn": ARN}, **changed)
    assert Registry(stubbed.client("sagemaker"), "fashion-mnist").promote(1, "staging", "").stage == ""
    stubbed.done()


def test_what_is_rejected_leaves_its_stage_on_sagemaker() -> None:
    stubbed = Stubbed()
    listed = {"ModelPackageArn": ARN, "CreationTime": NOW, "ModelPackageStatus": "Completed"}
    cycle = {"Stage": "Production", "StageStatus": "Approved"}
    stubbed.on("sagemaker", "list_model_packages", {"ModelPackageSummaryList": [listed]})
    stubbed.on("sagemaker", "describe_model_package", described(ModelLifeCycle=cycle))
    changed = {
        "ModelPackageArn": ARN,
        "ModelApprovalStatus": "Rejected",
        "ModelLifeCycle": {"Stage": "Production", "StageStatus": "Rejected"},
    }
    stubbed.on("sagemaker", "update_model_package", {"ModelPackageArn": ARN}, **changed)
    before = Registry(stubbed.client("sagemaker"), "fashion-mnist").set_approval(1, "Rejected")
    assert before.stage == "production"
    stubbed.done()


def test_approved_again_it_has_to_be_promoted_again() -> None:
    again = replace(STAGED, life_cycle={"Stage": "Production", "StageStatus": "Rejected"})
    assert again.stage == ""
    assert replace(STAGED, approval="Rejected").stage == ""
    with pytest.raises(RegistryError, match="has not been in staging"):
        promotion(again, "production", "")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A state folder with one approved version, and one that waits."""
    monkeypatch.setenv("FASHION_HOME", str(tmp_path))
    home = Home.open(tmp_path)
    with Store(home) as store:
        for version, approval in ((1, "Approved"), (2, "PendingManualApproval")):
            arn = f"{ARN[:-1]}{version}"
            changed = {
                "ModelPackageVersion": version,
                "ModelPackageArn": arn,
                "ModelApprovalStatus": approval,
            }
            RegistryState(store).write(
                [{**described(), **changed, "CreationTime": "2026-11-30T00:00:00+00:00"}]
            )
    return home


def test_here_a_version_is_promoted_shown_and_listed(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["registry", "promote", "1", "--to", "staging", "--note", "smoke test passed"]) == 0
    printed = capsys.readouterr()
    assert "Version 1: no stage → staging" in printed.err
    assert "Stage       staging, Approved, smoke test passed" in printed.out
    assert main(["registry", "promote", "1", "--to", "production"]) == 0
    assert "Version 1: staging → production" in capsys.readouterr().err
    assert main(["registry", "list"]) == 0
    assert "production" in capsys.readouterr().out
    assert main(["registry", "show", "1", "--json"]) == 0
    cycle = json.loads(capsys.readouterr().out)["model_life_cycle"]
    assert cycle == {"Stage": "Production", "StageStatus": "Approved"}


def test_here_what_is_rejected_leaves_its_stage(home: Home) -> None:
    assert main(["registry", "promote", "1", "--to", "staging"]) == 0
    with Store(home) as store:
        leave_stage(RegistryState(store), 1, "fashion-mnist")
        leave_stage(RegistryState(store), 2, "fashion-mnist")
        staged, waiting = (each.get("ModelLifeCycle") for each in RegistryState(store).packages())
    assert staged == {"Stage": "Staging", "StageStatus": "Rejected"}
    assert waiting is None


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("promote", "2", "--to", "staging"), 1, "registry approve 2"),
        (("promote", "3", "--to", "staging"), 2, "has no version 3"),
        (("promote", "1", "--to", "production"), 1, "has not been in staging"),
        (("promote", "1"), 2, "--to staging or --to production"),
        (("approve", "1", "--to", "staging"), 2, "registry approve takes no --to, which promote alone does."),
        (("approve", "1", "--note", "x"), 2, "registry approve takes no --note, which promote"),
        (("list", "--note", "x", "--to", "staging"), 2, "registry list takes no --to and no --note,"),
        (("show", "1", "--note", "x"), 2, "registry show takes no --note, which promote alone does."),
    ],
)
def test_mistakes_are_told(
    home: Home, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], status: int, told: str
) -> None:
    assert main(["registry", *words]) == status
    assert told in capsys.readouterr().err


def test_what_is_not_in_the_registry_gets_no_stage(home: Home) -> None:
    with Store(home) as store, pytest.raises(StateError, match="has no arn:aws:sagemaker"):
        RegistryState(store).set_life_cycle(f"{ARN}0", {})
