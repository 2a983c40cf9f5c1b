"""Trainings that take the first type of instances that is free: compiled, checked, planned, paid for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.cli.commands.compile_options import compile_choices
from pipeline.cli.parser import build_parser
from pipeline.definition.preferences import with_preferences
from pipeline.definition.settings import local_settings
from pipeline.errors import UsageError
from pipeline.local.jobs.preferences import preferred_count, preferred_type
from pipeline.spec.validation import check_definition
from pipeline.targets.aws.billing import processing_use, training_use
from pipeline.targets.aws.cost import ceiling
from pipeline.targets.aws.plan import Kind, plan_jobs
from pipeline.targets.aws.prices import FROM_LIST, Price
from pipeline.targets.aws.quotas import needs

TYPES = ("ml.g4dn.xlarge", "ml.g5.xlarge")
GOLDEN = Path(__file__).resolve().parents[2] / "definition.golden.json"
SETTINGS = local_settings("111122223333", "us-east-1", instance_preferences=TYPES)


def golden() -> str:
    return GOLDEN.read_text().replace("<account>", "111122223333").replace("<digest>", "0123456789abcdef")


def test_each_training_prefers_them_in_order_and_the_service_model_takes_it() -> None:
    text = with_preferences(golden(), TYPES)
    check_definition(json.loads(text))
    machines = [
        step["Arguments"]["ResourceConfig"]
        for step in json.loads(text)["Steps"]
        if step["Type"] == "Training"
    ]
    assert len(machines) > 1
    for each in machines:
        assert each["InstancePreferences"] == [{"InstanceType": kind} for kind in TYPES]
        assert "InstanceType" not in each
        assert each["InstanceCount"] == 1
    others = [json.loads(text)["Steps"][0], json.loads(golden())["Steps"][0]]
    assert others[0] == others[1]


def test_a_type_that_sagemaker_does_not_have_is_refused() -> None:
    with pytest.raises(Exception, match=r"ml\.g99\.xlarge"):
        check_definition(json.loads(with_preferences(golden(), ("ml.g5.xlarge", "ml.g99.xlarge"))))


def test_a_search_prefers_them_too() -> None:
    step = {"Name": "T", "Arguments": {"TrainingJobDefinition": {"ResourceConfig": {"InstanceType": "x"}}}}
    (changed,) = json.loads(with_preferences(json.dumps({"Steps": [step]}), TYPES))["Steps"]
    assert "InstancePreferences" in changed["Arguments"]["TrainingJobDefinition"]["ResourceConfig"]


class Prices:
    def __init__(self, **known: float) -> None:
        self.known = known

    def hourly(self, instance_type: str, kind: Kind) -> Price | None:
        usd = self.known.get(instance_type.replace(".", "_"))
        return None if usd is None else Price(usd, FROM_LIST)


@pytest.mark.parametrize(
    ("known", "counted"),
    [
        ({"ml_g4dn_xlarge": 0.7, "ml_g5_xlarge": 1.4, "ml_m5_xlarge": 0.2}, "ml.g5.xlarge"),
        ({"ml_g4dn_xlarge": 2.7, "ml_g5_xlarge": 1.4, "ml_m5_xlarge": 0.2}, "ml.g4dn.xlarge"),
        ({"ml_g4dn_xlarge": 0.7, "ml_m5_xlarge": 0.2}, "ml.g5.xlarge"),  # it may cost anything
    ],
)
def test_the_dearest_is_what_it_costs_at_most(known: dict[str, float], counted: str) -> None:
    cost = ceiling(plan_jobs(SETTINGS, {}), Prices(**known))  # type: ignore[arg-type]
    assert [line.instance_type for line in cost.lines if line.kind == "Training"] == [counted]


def test_a_quota_is_needed_for_each() -> None:
    needed = needs(plan_jobs(SETTINGS, {}), None)
    assert {f"{kind} for training job usage" for kind in TYPES} < set(needed)


def choices(*words: str, **given: str) -> object:
    return compile_choices(build_parser().parse_args(["run", *words]), given)["instance_preferences"]


def test_the_command_line_names_them() -> None:
    assert choices("--instance-types", "ml.g4dn.xlarge,ml.g5.xlarge") == TYPES
    assert choices() == ()
    with pytest.raises(UsageError, match="and so does the parameter TrainingInstanceType"):
        choices("--instance-types", "ml.g4dn.xlarge,ml.g5.xlarge", TrainingInstanceType="ml.m5.xlarge")


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"instance_preferences": ("ml.g5.xlarge",)}, "two to five different types"),
        ({"instance_preferences": ("ml.g5.xlarge", "ml.g5.xlarge")}, "two to five different types"),
        ({"spot": True}, "Leave out --spot or --instance-types"),
        ({"warm_pool_seconds": 60}, "Leave out --warm-pool-seconds or --instance-types"),
        (
            {"kms_key": "key", "instance_preferences": ("ml.g5.xlarge", "ml.m5.xlarge")},
            "storage of their own",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(more: dict[str, object], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        local_settings("111122223333", "us-east-1", **{"instance_preferences": TYPES, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("resources", "kind", "count"),
    [
        ({"InstanceType": "ml.m5.large", "InstanceCount": 2}, "ml.m5.large", 2),
        ({"InstancePreferences": [{"InstanceType": "a", "InstanceCount": 3}]}, "a", 3),
        ({"InstancePreferences": [{"InstanceType": "a"}, {"InstanceType": "b"}], "InstanceCount": 2}, "a", 2),
    ],
)
def test_here_a_job_has_what_it_prefers_most(resources: dict[str, object], kind: str, count: int) -> None:
    assert (preferred_type(resources), preferred_count(resources)) == (kind, count)


def test_the_bill_is_of_the_type_that_sagemaker_took() -> None:
    taken = {"SelectedInstanceType": "ml.g5.xlarge", "SelectedInstanceCount": 2, "InstancePreferences": []}
    used = training_use({"ResourceConfig": taken, "BillableTimeInSeconds": 10})
    assert (used.instance_type, used.billed) == ("ml.g5.xlarge", 20)
    assert processing_use({"ProcessingResources": {"ClusterConfig": taken}}).instance_type == "ml.g5.xlarge"
