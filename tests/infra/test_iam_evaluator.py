"""The evaluator agrees with cases whose outcome the IAM User Guide states."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.targets.aws.iam_evaluator import Decision, Request, decide

OBJECT = "arn:aws:s3:::bucket/folder/key"


def statement(**changes: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*", **changes}


def only_if(**operators: dict[str, Any]) -> list[dict[str, Any]]:
    return [statement(Condition=operators)]


@pytest.mark.parametrize(
    ("statements", "decision"),
    [
        pytest.param([], "not allowed", id="nothing is allowed by default"),
        pytest.param([statement()], "allowed", id="an allow allows"),
        pytest.param([statement(), statement(Effect="Deny")], "denied", id="a deny wins"),
        pytest.param([statement(Effect="Deny"), statement()], "denied", id="in any order"),
        pytest.param([statement(Action="s3:Get*")], "allowed", id="a wildcard in an action"),
        pytest.param([statement(Action="S3:getobject")], "allowed", id="actions are not case-sensitive"),
        pytest.param([statement(Action="s3:GetObjectAcl")], "not allowed", id="another action"),
        pytest.param([statement(Action=["s3:PutObject", "s3:GetObject"])], "allowed", id="several actions"),
        pytest.param([statement(Action="*", Resource="*")], "allowed", id="everything"),
        pytest.param([statement(Resource="arn:aws:s3:::Bucket/*")], "not allowed", id="resources are"),
        pytest.param([statement(Resource="arn:aws:s3:::bucket/*/key")], "allowed", id="a wildcard inside"),
        pytest.param([statement(Resource="arn:aws:s3:::bucket/?older/key")], "allowed", id="a question mark"),
        pytest.param([statement(Resource="arn:aws:s3:::bucket")], "not allowed", id="a bucket is not its objects"),
    ],
)  # fmt: skip
def test_effects_actions_and_resources(statements: list[dict[str, Any]], decision: Decision) -> None:
    assert decide(statements, Request("s3:GetObject", OBJECT)) == decision


PRESENT = {"k": "value", "arn": "arn:aws:s3:::b/x", "flag": "true", "n": "1.2"}


@pytest.mark.parametrize(
    ("operators", "holds"),
    [
        ({"StringEquals": {"k": "value"}}, True),
        ({"StringEquals": {"K": "value"}}, True),  # names of keys are not case-sensitive
        ({"StringEquals": {"k": "VALUE"}}, False),  # values are
        ({"StringEquals": {"k": "val*"}}, False),
        ({"StringEquals": {"k": ["other", "value"]}}, True),  # one of several values
        ({"StringEquals": {"k": "value", "flag": "false"}}, False),  # all of several keys
        ({"StringEquals": {"k": "value"}, "Bool": {"flag": "false"}}, False),  # all of several operators
        ({"StringEquals": {"missing": "value"}}, False),
        ({"StringEqualsIfExists": {"missing": "value"}}, True),
        ({"StringEqualsIfExists": {"k": "other"}}, False),
        ({"StringNotEquals": {"k": "value"}}, False),
        ({"StringNotEquals": {"k": ["other", "value"]}}, False),  # none of several values
        ({"StringNotEquals": {"missing": "value"}}, True),  # a missing key meets a negated operator
        ({"StringLike": {"k": "v?l*"}}, True),
        ({"StringNotLike": {"k": "v?l*"}}, False),
        ({"ArnLike": {"arn": "arn:aws:s3:::b/*"}}, True),
        ({"ArnEquals": {"arn": "arn:aws:*:::b/x"}}, True),  # ArnEquals and ArnLike are the same
        ({"ArnLike": {"arn": "arn:aws:*"}}, False),  # a wildcard stays between colons
        ({"ArnNotEquals": {"arn": "arn:aws:s3:::b/y"}}, True),
        ({"Bool": {"flag": "true"}}, True),
        ({"Bool": {"missing": "false"}}, False),
        ({"BoolIfExists": {"missing": "false"}}, True),
        ({"Null": {"missing": "true"}}, True),
        ({"Null": {"k": "true"}}, False),
        ({"Null": {"k": "false"}}, True),
        ({"NumericLessThan": {"n": "1.3"}}, True),
        ({"NumericLessThan": {"n": "1.2"}}, False),
        ({"NumericLessThan": {"missing": "1.2"}}, False),
        ({"NumericGreaterThan": {"n": "1"}}, True),
        ({"NumericEquals": {"n": "1.20"}}, True),
    ],
)
def test_conditions(operators: dict[str, Any], holds: bool) -> None:
    decision = decide(only_if(**operators), Request("s3:GetObject", OBJECT, PRESENT))
    assert decision == ("allowed" if holds else "not allowed")


@pytest.mark.parametrize(
    ("principal", "matches"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": "arn:aws:iam::111122223333:role/a"}, True),
        ({"AWS": "arn:aws:iam::111122223333:root"}, True),
        ({"AWS": ["arn:aws:iam::444455556666:root"]}, False),
        ({"Service": "sagemaker.amazonaws.com"}, False),
    ],
)
def test_principals_of_resource_policies(principal: Any, matches: bool) -> None:
    request = Request("s3:GetObject", OBJECT, principal="arn:aws:iam::111122223333:role/a")
    assert decide([statement(Principal=principal)], request) == ("allowed" if matches else "not allowed")


@pytest.mark.parametrize(
    "unknown",
    [
        {"NotAction": "s3:GetObject"},
        {"NotResource": OBJECT},
        {"NotPrincipal": {"AWS": "*"}},
        {"Resource": "arn:aws:s3:::${aws:username}"},
        {"Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}},
    ],
)
def test_what_it_does_not_know_is_refused(unknown: dict[str, Any]) -> None:
    with pytest.raises(NotImplementedError):
        decide([statement(**unknown)], Request("s3:GetObject", OBJECT))


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(KeyError):
        decide(only_if(DateLessThan={"k": "x"}), Request("s3:GetObject", OBJECT, PRESENT))
