"""Which steps of a selective execution run, and what it must be given."""

from __future__ import annotations

import pytest

from pipeline.errors import UsageError
from pipeline.execution import ExecutionRecord, StepRecord, StepStatus
from pipeline.local.engine.selected_steps import select_steps
from pipeline.spec.definition import Branch, Definition, Dependency, Step

# Prepare → Train-1, Train-2 → Evaluate → Gate ─ missed → Missed
DEFINITION = Definition(
    "2020-12-01",
    (),
    (
        Step("Prepare", "Processing", {}),
        Step("Train-1", "Training", {"Data": {"Get": "Steps.Prepare.Output"}}),
        Step("Train-2", "Training", {}, depends_on=(Dependency("Prepare"),)),
        Step("Evaluate", "Processing", {}, depends_on=(Dependency("Train-1"), Dependency("Train-2"))),
        Step("Gate", "Condition", {"Conditions": []}, depends_on=(Dependency("Evaluate"),)),
        Step("Missed", "Fail", {}, branch=(Branch("Gate", False),)),
        Step("Passed", "Processing", {}, branch=(Branch("Gate", True),)),
    ),
    "",
)


def source(outcome: str = "True", **statuses: StepStatus) -> ExecutionRecord:
    """An execution in which all succeeded but for what `statuses` says."""
    return ExecutionRecord(
        "earlier",
        "fashion",
        "local",
        "Failed",
        {},
        0.0,
        steps=tuple(
            StepRecord(
                step.name,
                step.type,
                statuses.get(step.name.replace("-", ""), "Succeeded"),
                properties={"Outcome": outcome} if step.type == "Condition" else {"Name": step.name},
            )
            for step in DEFINITION.steps
        ),
    )


def selected(*only: str, record: ExecutionRecord | None = None) -> dict[str, str]:
    steps = select_steps(DEFINITION, only, record or source())
    return {step.name: "reused" if step.cached else step.status for step in steps}


def test_selected_steps_run_on_what_those_before_left_and_those_after_do_not() -> None:
    assert selected("Evaluate") == {
        "Prepare": "reused",
        "Train-1": "reused",
        "Train-2": "reused",
        "Evaluate": "Pending",
        "Gate": "Skipped",
        "Missed": "Skipped",
        "Passed": "Skipped",
    }


def test_reused_steps_have_the_properties_and_the_name_of_the_execution_that_ran_them() -> None:
    prepare, *_ = select_steps(DEFINITION, ["Train-1"], source())
    assert (prepare.status, prepare.properties, prepare.reused_from) == (
        "Succeeded",
        {"Name": "Prepare"},
        "earlier",
    )


def test_steps_beside_the_selected_do_not_run() -> None:
    assert selected("Train-1")["Train-2"] == "Skipped"


def test_a_condition_runs_with_its_branches() -> None:
    states = selected("Evaluate", "Gate")
    assert [states[name] for name in ("Evaluate", "Gate", "Missed", "Passed")] == ["Pending"] * 4


def test_nothing_need_be_reused_by_the_first_step() -> None:
    failed = source(Prepare="Failed", Train1="Pending")
    assert selected("Prepare", record=failed)["Prepare"] == "Pending"


def test_a_step_between_two_selected_ones_must_be_selected() -> None:
    with pytest.raises(UsageError, match="--only leaves out Train-1, Train-2"):
        selected("Prepare", "Evaluate")


def test_what_did_not_succeed_cannot_be_built_on() -> None:
    with pytest.raises(UsageError) as raised:
        selected("Evaluate", record=source(Train2="Failed"))
    assert "Evaluate needs Train-2, which did not succeed there" in str(raised.value)
    assert "Train-1" not in str(raised.value)
    assert selected("Train-2", "Evaluate", record=source(Train2="Failed"))["Evaluate"] == "Pending"


def test_a_step_that_the_reference_does_not_have_cannot_be_built_on() -> None:
    small = ExecutionRecord("earlier", "fashion", "local", "Succeeded", {}, 0.0)
    with pytest.raises(UsageError, match="Train-1 needs Prepare"):
        selected("Train-1", record=small)


def test_a_branch_that_was_not_taken_cannot_be_run_alone() -> None:
    assert selected("Passed")["Passed"] == "Pending"
    with pytest.raises(UsageError, match="Missed is on a branch of Gate that was not taken"):
        selected("Missed")


def test_an_unknown_step_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"no step Evalute \(--only\), only .*\. Did you mean Evaluate\?"):
        selected("Evalute")
