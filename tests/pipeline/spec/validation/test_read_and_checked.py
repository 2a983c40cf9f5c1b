"""What the service refuses is found where a definition is read and checked, for local runs and for AWS alike."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.spec.validation import validate_definition

EQUAL = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
FAIL = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "No."}}
CACHE = {"Enabled": True, "ExpireAfter": "P30D"}
POLICY = {
    "ExceptionType": ["SageMaker.CAPACITY_ERROR"],
    "IntervalSeconds": 60,
    "BackoffRate": 2.0,
    "MaxAttempts": 5,
}
POLICIES = {"Train.RetryPolicies": [POLICY]}
FIRST = "Train.RetryPolicies[0]"
CONDITIONS = "Gate.Arguments.Conditions"
TRIGGER = {"Train.DependsOn": [{"Step": "Prepare", "Trigger": "Any"}]}

# What is right, the change that is not, and where it is said when that is not where the change is.
CASES: dict[str, list[tuple[dict[str, Any], dict[str, Any], str]]] = {
    "parameters": [
        ({}, {"Parameters[1].Name": "Epochs"}, "Parameters[1]"),
        ({}, {"Parameters[2].Name": "A parameter"}, ""),
        ({}, {"Parameters[2].Type": "Number"}, ""),
        ({}, {"Parameters[0].DefaultValue": "3"}, ""),
        ({}, {"Parameters[0].DefaultValue": True}, ""),
        ({}, {"Parameters[2].DefaultValue": "Perhaps"}, ""),
    ],
    "steps": [
        ({}, {"Version": "2021-01-01"}, ""),
        ({}, {"Evaluate.Name": "Prepare"}, "Steps[2]"),
        (
            {"Gate.Arguments.IfSteps[+]": FAIL},
            {"Gate.Arguments.IfSteps[+]": FAIL},
            "Gate.Arguments.IfSteps[1]",
        ),
        ({}, {"Prepare.Name": "Prepare data"}, "Steps[0].Name"),
        ({}, {"Gate.Name": "x" * 65}, "Steps[3].Name"),
        ({"Gate.Name": "x" * 64}, {"Steps[3].Name": ""}, "Steps[3].Name"),
        ({}, {"Train.Type": "Trainning"}, ""),
        ({}, {"Train.Argument": {}}, ""),
        (
            {"Train.DependsOn": [{"Step": "Prepare", "Trigger": "Completed"}]},
            {"Train.DependsOn": ["Prepair"]},
            "",
        ),
        (TRIGGER, {"Train.DependsOn[0].Trigger": "Succeeded"}, ""),
        (TRIGGER, {"Train.DependsOn[0].Trigger": ...}, ""),
        ({"Evaluate.DependsOn": ["Prepare"]}, {"Prepare.DependsOn": ["Evaluate"]}, "Steps[0]"),
        ({}, {"Prepare.DependsOn": ["Missed"]}, "Steps[0]"),
    ],
    "conditions": [
        ({}, {CONDITIONS: []}, ""),
        ({f"{CONDITIONS}[0].Type": "Equals"}, {f"{CONDITIONS}[0].Type": "Equal"}, ""),
        ({}, {f"{CONDITIONS}[0].RightValue": ...}, ""),
        (
            {CONDITIONS: [{"Type": "Not", "Condition": {"Type": "Or", "Conditions": [EQUAL]}}]},
            {f"{CONDITIONS}[0].Condition.Conditions[0].Type": "And"},
            "",
        ),
        (
            {CONDITIONS: [{"Type": "Not", "Condition": EQUAL}]},
            {CONDITIONS: [{"Type": "Not", "Expression": EQUAL}]},
            f"{CONDITIONS}[0].Expression",
        ),
        (
            {CONDITIONS: [{"Type": "In", "QueryValue": 1, "Values": [1, 2]}]},
            {f"{CONDITIONS}[0].Values": []},
            "",
        ),
    ],
    "property files": [
        ({}, {"Evaluate.PropertyFiles[0].OutputName": "report"}, ""),
        ({}, {"Evaluate.PropertyFiles[0].FilePath": ""}, ""),
    ],
    "caching": [
        ({"Train.CacheConfig": CACHE}, {"Gate.CacheConfig": CACHE}, ""),
        ({}, {"Train.CacheConfig": {"Enabled": "yes"}}, "Train.CacheConfig.Enabled"),
        ({}, {"Train.CacheConfig": {"ExpireAfter": "P1D"}}, "Train.CacheConfig.Enabled"),
        ({"Train.CacheConfig": CACHE}, {"Train.CacheConfig.Scope": "all"}, ""),
        (
            {"Train.CacheConfig": {"Enabled": False}},
            {"Train.CacheConfig": {"Enabled": True}},
            "Train.CacheConfig.ExpireAfter",
        ),
        *(
            (
                {"Train.CacheConfig": {"Enabled": True, "ExpireAfter": right}},
                {"Train.CacheConfig.ExpireAfter": wrong},
                "",
            )
            for right, wrong in (
                ("P30D", "30 days"),
                ("30d", "P"),
                ("T16m", "PT"),
                ("30dT5h", "P30DT"),
                ("P1Y2M", "PT30S"),
                # Developer guide, "Turn on step caching": "a year, month, week, day, hour, or minute value".
                ("p4w", 30),
                ("P1D", ""),
            )
        ),
    ],
    "retries": [
        (POLICIES, {"Gate.RetryPolicies": [POLICY]}, ""),
        ({}, {"Train.RetryPolicies": POLICY}, ""),
        (POLICIES, {f"{FIRST}.Jitter": 1}, ""),
        *(
            (POLICIES, {f"{FIRST}.ExceptionType": types}, "")
            for types in (["SageMaker.JOB_CAPACITY_ERROR"], [], "Step.THROTTLING", ...)
        ),
        (POLICIES, {f"{FIRST}.ExpireAfterMin": 60}, f"{FIRST}.MaxAttempts"),
        # Developer guide, "Retry policy for pipeline steps": with 0 there are none, without a limit five attempts.
        (
            {"Train.RetryPolicies": [{"ExceptionType": ["Step.THROTTLING"]}]},
            {f"{FIRST}.MaxAttempts": 1.5},
            "",
        ),
        *(
            (
                {"Train.RetryPolicies": [{"ExceptionType": ["Step.THROTTLING"], key: right}]},
                {f"{FIRST}.{key}": wrong},
                "",
            )
            for key, right, wrong in (
                ("MaxAttempts", 20, 21),
                ("MaxAttempts", 0, -1),
                ("ExpireAfterMin", 14_400, 14_401),
                ("ExpireAfterMin", 0, 1.5),
                ("IntervalSeconds", 43_200, 43_201),
                ("IntervalSeconds", 0, 0.5),
                ("BackoffRate", 0, -0.5),
            )
        ),
    ],
}


@pytest.mark.parametrize(
    "case", [case for cases in CASES.values() for case in cases], ids=lambda case: next(iter(case[1]))
)
def test_a_change_that_is_wrong_is_found_where_it_is(
    breaks: Callable[..., None], case: tuple[dict[str, Any], dict[str, Any], str]
) -> None:
    breaks("well-formed", *case)


def test_a_name_that_the_experiments_configuration_has_may_be_read(changed: Callable[..., Any]) -> None:
    place = "Evaluate.Arguments.Environment.TRIAL"
    get = {"Get": "PipelineExperimentConfig.TrialName"}
    config = {"PipelineExperimentConfig": {"ExperimentName": "e", "TrialName": "t"}}
    assert validate_definition(changed(config, {place: get})) == []
