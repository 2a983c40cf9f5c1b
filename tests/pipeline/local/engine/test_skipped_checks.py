"""QualityCheck and ClarifyCheck steps: passed where they skip their check, else refused."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import DefinitionError
from pipeline.local.state.store import Store
from tests.pipeline.local.engine.test_start import document, get, start
from tests.pipeline.local.workbench import Workbench

OUTPUT = {
    "OutputName": "o",
    "S3Output": {"S3Uri": "s3://bkt-one/check/", "LocalPath": "/opt/ml/processing/output"},
}
SKIP = ({"Name": "Skip", "Type": "Boolean", "DefaultValue": True},)


def check(name: str = "Q", type: str = "QualityCheck", **members: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": type,
        "Arguments": {"ProcessingOutputConfig": {"Outputs": [OUTPUT]}},
        "CheckType": "DATA_QUALITY",
        "ModelPackageGroupName": None,
        "FailOnViolation": True,
        "RegisterNewBaseline": False,
        "SuppliedBaselineConstraints": None,
        **members,
    }


@pytest.mark.parametrize(
    ("step", "properties"),
    [
        (
            check(SkipCheck=get("Parameters.Skip"), RegisterNewBaseline=get("Parameters.Skip")),
            {
                "CalculatedBaselineStatistics": "s3://bkt-one/check/statistics.json",
                "CalculatedBaselineConstraints": "s3://bkt-one/check/constraints.json",
                "BaselineUsedForDriftCheckStatistics": "s3://bkt-one/check/statistics.json",
                "BaselineUsedForDriftCheckConstraints": "s3://bkt-one/check/constraints.json",
            },
        ),
        (
            check(
                type="ClarifyCheck",
                SkipCheck=True,
                ModelName="m",
                SuppliedBaselineConstraints="s3://bkt-one/old",
            ),
            {
                "CalculatedBaselineConstraints": "s3://bkt-one/check/analysis.json",
                "BaselineUsedForDriftCheckConstraints": "s3://bkt-one/old",
            },
        ),
    ],
)
def test_a_skipped_check_passes_and_names_its_baselines(
    bench: Workbench, local_store: Store, step: dict[str, Any], properties: dict[str, str]
) -> None:
    record = start(bench, local_store, document(step, parameters=SKIP))
    assert record.status == "Succeeded", record.failure_reason
    assert record.step("Q").properties == properties
    log = bench.home.step_log(record.execution_id, "Q").read_text()
    assert "no new baseline is calculated here" in log


@pytest.mark.parametrize("skip", [{}, {"SkipCheck": False}, {"SkipCheck": "true"}, {"SkipCheck": None}])
def test_a_check_that_is_not_skipped_is_refused_by_name(
    bench: Workbench, local_store: Store, skip: dict[str, Any]
) -> None:
    with pytest.raises(DefinitionError) as caught:
        start(bench, local_store, document(check(**skip), check("C", "ClarifyCheck", **skip)))
    for index in (0, 1):
        assert f"$.Steps[{index}].SkipCheck: the local engine checks no data or models" in str(caught.value)


def test_a_parameter_that_turns_the_check_on_is_refused_when_it_has_its_value(
    bench: Workbench, local_store: Store
) -> None:
    text = document(check(SkipCheck=get("Parameters.Skip")), parameters=SKIP)
    with pytest.raises(DefinitionError, match=r"SkipCheck must be true, not False"):
        start(bench, local_store, text, parameters={"Skip": "false"})


def test_a_property_that_no_check_has_is_refused(bench: Workbench, local_store: Store) -> None:
    text = document(
        check(SkipCheck=True), check("R", SkipCheck=True, ModelPackageGroupName=get("Steps.Q.Baseline"))
    )
    with pytest.raises(DefinitionError, match="a QualityCheck step has only CalculatedBaselineConstraints, "):
        start(bench, local_store, text)
