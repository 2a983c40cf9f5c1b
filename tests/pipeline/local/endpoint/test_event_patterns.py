"""Event patterns, as documented for EventBridge; which targets are reached, and what they are sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.local.endpoint.event_patterns import matcher
from pipeline.local.endpoint.event_targets import check_target, transformed
from pipeline.local.endpoint.wire import ServiceError

HERE = "us-east-1:123456789012"
EVENT = {
    "id": "1", "account": "123456789012", "source": "aws.sagemaker", "time": "2026-11-30T00:00:00Z",
    "region": "us-east-1", "resources": ["arn:one", "arn:two"],
    "detail-type": "SageMaker Training Job State Change",
    "detail": {"TrainingJobStatus": "Failed", "Count": 7, "Nothing": None, "Address": "10.1.2.3",
               "Deep": {"Er": "x"}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("detail", "matches"),
    [
        ({"TrainingJobStatus": ["Failed", "Stopped"]}, True),
        ({"TrainingJobStatus": ["Completed"]}, False),
        ({"TrainingJobStatus": [{"prefix": "Fai"}]}, True),
        ({"TrainingJobStatus": [{"prefix": "fai"}]}, False),
        ({"TrainingJobStatus": [{"prefix": {"equals-ignore-case": "fai"}}]}, True),
        ({"TrainingJobStatus": [{"suffix": "led"}]}, True),
        ({"TrainingJobStatus": [{"equals-ignore-case": "FAILED"}]}, True),
        ({"TrainingJobStatus": [{"wildcard": "F*l*d"}]}, True),
        ({"TrainingJobStatus": [{"wildcard": "F*x"}]}, False),
        ({"TrainingJobStatus": [{"wildcard": "F*\\*"}]}, False),
        ({"TrainingJobStatus": [{"anything-but": {"wildcard": ["C*", "\\\\"]}}]}, True),
        ({"TrainingJobStatus": [{"anything-but": "Failed"}]}, False),
        ({"TrainingJobStatus": [{"anything-but": ["Stopped", "Completed"]}]}, True),
        ({"TrainingJobStatus": [{"anything-but": {"prefix": "Fa"}}]}, False),
        ({"TrainingJobStatus": [{"anything-but": {"suffix": ["x", "y"]}}]}, True),
        ({"Missing": [{"anything-but": "x"}]}, False),
        ({"Missing": [{"exists": False}]}, True),
        ({"Count": [{"exists": False}]}, False),
        ({"Count": [{"exists": True}]}, True),
        ({"Count": [{"numeric": [">", 5, "<=", 7]}]}, True),
        ({"Count": [{"numeric": ["=", 8]}]}, False),
        ({"TrainingJobStatus": [{"numeric": ["=", 7]}]}, False),
        ({"Count": [7]}, True),
        ({"Nothing": [None]}, True),
        ({"Missing": [None]}, False),
        ({"Address": [{"cidr": "10.0.0.0/8"}]}, True),
        ({"Address": [{"cidr": "11.0.0.0/8"}]}, False),
        ({"Deep": {"Er": ["x"]}}, True),
        ({"Deep": {"Er": ["x"], "Est": ["y"]}}, False),
        ({"$or": [{"Count": [1]}, {"TrainingJobStatus": ["Failed"]}]}, True),
        ({"$or": [{"Count": [1]}, {"TrainingJobStatus": ["Stopped"]}]}, False),
    ],
)
def test_patterns_match_as_documented(detail: dict[str, Any], matches: bool) -> None:
    pattern = json.dumps({"source": ["aws.sagemaker"], "detail": detail})
    assert matcher(pattern)(EVENT) is matches


def test_a_pattern_of_an_array_matches_any_of_its_values() -> None:
    for value, matches in (("arn:two", True), ("arn:three", False)):
        pattern = json.dumps({"resources": [value]})
        assert matcher(pattern)(EVENT) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        "{", "[]", "{}", '"a"', '{"a": [NaN]}', '{"a": [{"numeric": [">", 1e400]}]}',
        '{"a": []}', '{"a": "b"}', '{"a": {}}', '{"a": [[1]]}', '{"a": [{"prefixx": "b"}]}',
        '{"a": [{"prefix": 1}]}', '{"a": [{"exists": "yes"}]}', '{"a": [{"numeric": [">"]}]}',
        '{"a": [{"numeric": ["~", 1]}]}', '{"a": [{"anything-but": {}}]}',
        '{"a": [{"anything-but": {"cidr": "x"}}]}',
        '{"a": [{"cidr": "x"}]}', '{"a": [{"prefix": "a", "suffix": "b"}]}', '{"$or": [{"a": [1]}]}',
        '{"$or": [{"a": [1]}, {"b": 1}]}',
        '{"a": [{"wildcard": "b**"}]}', '{"a": [{"anything-but": {"wildcard": "**"}}]}',
        '{"a": [{"anything-but": {"wildcard": ["b", "c**d"]}}]}',
        r'{"a": [{"wildcard": "\\b"}]}', r'{"a": [{"wildcard": "b\\"}]}', r'{"a": [{"wildcard": "\\\\**"}]}',
    ],
)  # fmt: skip
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ServiceError, match=r"Event pattern is not valid\. Reason: "):
        matcher(pattern)


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ('"<a> and <n>"', '"x \\"y\\" and 3"'),
        ('{"a": <a>, "n": <n>, "o": <o>}', '{"a": "x \\"y\\"", "n": 3, "o": {"k": "v"}}'),
        ('{"a": "\\"<a>", "o": "<o>"}', '{"a": "\\"x \\"y\\"", "o": "{\\"k\\": \\"v\\"}"}'),
        ('{"m": <m>, "t": "<m>", "u": <unknown>}', '{"m": null, "t": "", "u": <unknown>}'),
    ],
)
def test_a_template_is_filled(template: str, made: str) -> None:
    values = {"a": 'x "y"', "n": 3, "o": {"k": "v"}, "m": None}
    assert transformed(template, values) == made


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"Arn": f"arn:aws:lambda:{HERE}:function:f"}, f"cannot reach the target arn:aws:lambda:{HERE}"),
        ({"Arn": f"arn:aws:states:{HERE}:stateMachine:m"}, "cannot reach the target arn:aws:states"),
        ({"Arn": "arn:aws:sqs:eu-west-1:123456789012:q"}, "cannot reach the target arn:aws:sqs:eu-west-1"),
        (
            {"Arn": f"arn:aws:sqs:{HERE}:q", "InputPath": "$.detail", "Input": "1"},
            "Only one of Input, InputPath",
        ),
        ({"Arn": f"arn:aws:sqs:{HERE}:q", "Input": "{a"}, "JSON syntax error in input"),
        ({"Arn": f"arn:aws:sqs:{HERE}:q", "Input": "NaN"}, "JSON syntax error in input"),
        ({"Arn": f"arn:aws:sqs:{HERE}:q", "InputPath": "$.resources[0]"}, r"not \$\.resources\[0\]"),
        (
            {"Arn": f"arn:aws:sqs:{HERE}:q", "InputTransformer": {"InputTemplate": "<aws.events.rule-arn>"}},
            "fills no <aws.events.",
        ),
    ],
)
def test_targets_that_cannot_be_reached_are_refused_by_name(target: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        check_target({"Id": "1", **target})
