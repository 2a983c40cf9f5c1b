from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.definition.settings import local_settings
from pipeline.targets.aws.plan import Job, plan_jobs
from pipeline.targets.aws.quotas import Need, needs

GOLDEN = Path(__file__).resolve().parents[2] / "definition.golden.json"


def test_the_plan_is_what_the_compiled_definition_asks_for() -> None:
    definition = json.loads(GOLDEN.read_text())
    defaults = {each["Name"]: each.get("DefaultValue") for each in definition["Parameters"]}

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            return defaults[value["Get"].removeprefix("Parameters.")]
        return value

    compiled = []
    for step in definition["Steps"]:
        request = step.get("Arguments", {})
        if step["Type"] == "Training":
            cluster = request["ResourceConfig"]
        elif step["Type"] == "Processing":
            cluster = request["ProcessingResources"]["ClusterConfig"]
        else:
            continue
        compiled.append(
            Job(
                step["Name"],
                step["Type"],
                resolved(cluster["InstanceType"]),
                resolved(cluster["InstanceCount"]),
                request["StoppingCondition"]["MaxRuntimeInSeconds"],
            )
        )
    settings = local_settings("123456789012", "us-east-1")
    assert sorted(plan_jobs(settings, {}), key=str) == sorted(compiled, key=str)


def test_parameters_and_choices_change_the_plan() -> None:
    settings = local_settings(
        "123456789012", "us-east-1", candidates=("cnn-3x3",), seeds=(0, 1), training_instance_count=2
    )
    jobs = plan_jobs(settings, {"TrainingInstanceType": "ml.g4dn.xlarge"})
    trainings = [job for job in jobs if job.kind == "Training"]
    assert [job.step for job in trainings] == ["Train-cnn-3x3-0", "Train-cnn-3x3-1"]
    assert {(job.instance_type, job.instances) for job in trainings} == {("ml.g4dn.xlarge", 2)}


def test_a_candidate_with_fewer_seeds_costs_less() -> None:
    settings = local_settings(
        "123456789012", "us-east-1", seeds=(0, 1), fewer_seeds=(("baseline", 1), ("cnn-5x5", 1))
    )
    trainings = [job.step for job in plan_jobs(settings, {}) if job.kind == "Training"]
    assert trainings == ["Train-baseline-0", "Train-cnn-3x3-0", "Train-cnn-5x5-0", "Train-cnn-3x3-1"]


def test_only_the_selected_steps_cost() -> None:
    settings = local_settings("123456789012", "us-east-1")
    assert [job.step for job in plan_jobs(settings, {}, ["Evaluate"])] == ["Evaluate"]


def test_a_search_is_as_many_trainings_as_it_has_trials() -> None:
    settings = local_settings("123456789012", "us-east-1", candidates=("baseline", "cnn-3x3"), tune=6)
    jobs = plan_jobs(settings, {})
    assert [job.step for job in jobs] == ["NormalizeData", "Tune-baseline", "Tune-cnn-3x3", "Evaluate"]
    assert [(job.kind, job.count, job.at_once) for job in jobs[1:3]] == [("Training", 6, 2)] * 2
    # Two trials of each of two searches at the same time.
    assert needs(jobs, None)["ml.g5.xlarge for training job usage"] == Need(4, 1)
    assert needs(jobs, 1)["ml.g5.xlarge for training job usage"] == Need(2, 1)


def test_under_several_seeds_trainings_come_after_the_searches() -> None:
    settings = local_settings("123456789012", "us-east-1", candidates=("cnn-3x3",), seeds=(0, 1), tune=1)
    jobs = plan_jobs(settings, {})
    assert [(job.step, job.count, job.at_once) for job in jobs if job.kind == "Training"] == [
        ("Tune-cnn-3x3", 1, 0),
        ("Train-cnn-3x3-0", 1, 1),
        ("Train-cnn-3x3-1", 1, 1),
    ]
