"""A job's share of the cores follows from the graph, never from timing."""

from pipeline.local.engine.cores import available_cores, share_cores
from pipeline.spec.definition import Definition, Dependency, Step
from pipeline.spec.dependencies import dependencies


def shares(cores: int, at_once: int | None = None) -> dict[str, int]:
    """The project's own shape: one job, then three side by side, then one, then a condition."""
    steps = [Step("Normalize", "Processing", {})]
    steps += [Step(f"Train{i}", "Training", {}, depends_on=(Dependency("Normalize"),)) for i in range(3)]
    steps += [Step("Evaluate", "Processing", {}, depends_on=tuple(Dependency(f"Train{i}") for i in range(3)))]
    steps += [Step("Gate", "Condition", {"Conditions": []}, depends_on=(Dependency("Evaluate"),))]
    definition = Definition("2020-12-01", (), tuple(steps), "")
    return share_cores(definition, dependencies(definition), cores, at_once)


def test_jobs_that_can_run_side_by_side_share_the_machine() -> None:
    assert shares(12) == {"Normalize": 12, "Train0": 4, "Train1": 4, "Train2": 4, "Evaluate": 12}


def test_every_job_has_a_core() -> None:
    assert set(shares(2).values()) == {2, 1}
    assert shares(1)["Train0"] == 1


def test_jobs_that_must_take_turns_need_not_share() -> None:
    assert shares(12, at_once=1)["Train0"] == 12
    assert shares(12, at_once=2)["Train0"] == 6
    assert shares(12, at_once=50)["Train0"] == 4


def test_this_process_has_at_least_one_core() -> None:
    assert available_cores() >= 1
