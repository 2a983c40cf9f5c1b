"""Rules with a ScheduleExpression: when they are due, and what they start."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.local.endpoint.event_bus import EventBus
from pipeline.local.endpoint.event_rules import Rule, Rules
from pipeline.local.endpoint.event_schedules import Schedules
from pipeline.local.endpoint.event_targets import Targets
from pipeline.local.endpoint.kept_logs import KeptLogs
from pipeline.local.endpoint.schedule_times import due_times
from pipeline.local.endpoint.wire import ServiceError
from pipeline.local.state import clock
from tests.pipeline.local.endpoint.conftest import ROLE, User, definition

# A Monday.
NOW = datetime(2026, 11, 30, 12, 30, 20, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("rate(1 minute)", "2026-11-30 12:31:10"),
        ("rate(2 hours)", "2026-11-30 14:29:10"),
        ("rate(1 day)", "2026-12-01 12:29:10"),
        ("cron(0 10 * * ? *)", "2026-12-01 10:00:00"),
        ("cron(30 12 * * ? *)", "2026-12-01 12:30:00"),
        ("cron(31 12 * * ? *)", "2026-11-30 12:31:00"),
        ("cron(0/20 * * * ? *)", "2026-11-30 12:40:00"),
        ("cron(5-7,50 8-10 ? * MON-FRI *)", "2026-12-01 08:05:00"),
        ("cron(0 0 ? * 1 *)", "2026-12-06 00:00:00"),
        ("cron(0 18 ? * WED *)", "2026-12-02 18:00:00"),
        ("cron(0 0 1 JAN,JUL ? *)", "2027-01-01 00:00:00"),
        ("cron(0 0 L * ? *)", "2026-12-31 00:00:00"),
        ("cron(0 0 29 2 ? *)", "2028-02-29 00:00:00"),
        ("cron(0 0 1 1 ? 2030)", "2030-01-01 00:00:00"),
        ("cron(0 0 30 2 ? *)", None),
        ("cron(0 0 1 1 ? 2020)", None),
    ],
)
def test_a_schedule_is_due_when_it_says(expression: str, due: str | None) -> None:
    at = due_times(expression)(NOW, NOW - 70)
    assert (at and datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")) == due


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        *(
            (each, "ScheduleExpression is not valid")
            for each in (
                "rate(0 minutes)", "rate(1 minutes)", "rate(2 minute)", "rate(5 seconds)", "every day",
                "cron(0 10 * * *)", "cron(0 10 * * * *)", "cron(0 10 ? * ? *)", "cron(60 10 * * ? *)",
                "cron(0 10 0 * ? *)", "cron(0 10 * FOO ? *)", "cron(9-5 10 * * ? *)", "cron(0/0 10 * * ? *)",
            )
        ),
        ("cron(0 10 ? * 2#1 *)", "reads no W, # and 5L"),
        ("cron(0 10 15W * ? *)", "reads no W, # and 5L"),
        ("cron(0 10 ? * 5L *)", "reads no W, # and 5L"),
    ],
)  # fmt: skip
def test_one_that_is_none_is_refused(expression: str, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        due_times(expression)


class SomeRules:
    def __init__(self, *scheduled: Rule) -> None:
        self.scheduled = list(scheduled)


def test_what_is_due_fires_once_however_late_it_is_looked_at() -> None:
    now = clock.now()
    rules: Any = SomeRules(
        {"Name": "soon", "ScheduleExpression": "rate(1 minute)", "ScheduledFrom": now},
        {"Name": "later", "ScheduleExpression": "rate(1 hour)", "ScheduledFrom": now},
    )
    fired: list[str] = []
    schedules = Schedules(rules, lambda rule: fired.append(rule["Name"]))
    assert schedules.fire_due(now + 45) == pytest.approx(15)
    assert fired == []
    assert schedules.fire_due(now + 61) == 30.0
    assert fired == ["soon"]
    schedules.fire_due(now + 61)
    # Asleep for more than an hour: each once.
    schedules.fire_due(now + 4000)
    assert fired == ["soon", "soon", "later"]


def test_a_rule_fires_by_itself_and_no_more_once_it_is_closed() -> None:
    fired = threading.Event()
    rule = {"ScheduleExpression": "rate(1 minute)", "ScheduledFrom": clock.now() - 59}
    rules: Any = SomeRules(rule)
    schedules = Schedules(rules, lambda due: fired.set())
    schedules.look()
    assert fired.wait(120)
    schedules.close()
    schedules.look()
    assert schedules._thread is not None
    assert not schedules._thread.is_alive()


def test_a_schedule_starts_a_pipeline_with_its_parameters_unless_its_rule_is_disabled(user: User) -> None:
    parameters = ({"Name": "Word", "Type": "String", "DefaultValue": "none"},)
    step = {"Name": "Say", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Word"}}}
    user.sagemaker.create_pipeline(
        PipelineName=user.name, PipelineDefinition=definition(step, parameters=parameters), RoleArn=ROLE
    )
    events, rule = user.server.client("events"), user.name[-60:]
    events.put_rule(Name=rule, ScheduleExpression="rate(1 day)", State="DISABLED")
    target = {
        "Id": "pipeline",
        "Arn": f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/{user.name.lower()}",
        "RoleArn": ROLE,
        "SageMakerPipelineParameters": {"PipelineParameterList": [{"Name": "Word", "Value": "scheduled"}]},
    }
    events.put_targets(Rule=rule, Targets=[target])
    said = events.describe_rule(Name=rule)
    assert (said["ScheduleExpression"], said["State"]) == ("rate(1 day)", "DISABLED")

    def tomorrow() -> list[str]:
        """The executions that there are a day later, by a clock of this test's own."""
        engine = user.server.engine
        said: list[str] = []
        rules = Rules(engine.resources)
        kept = KeptLogs(engine.home, engine.resources, list)
        targets = Targets(
            engine.aws, kept, lambda request: user.sagemaker.start_pipeline_execution(**request)
        )
        bus = EventBus(rules, targets, said.append)
        Schedules(rules, bus.fire).fire_due(clock.now() + 86_400)
        bus.close()
        assert said == []
        found = user.sagemaker.list_pipeline_executions(PipelineName=user.name)["PipelineExecutionSummaries"]
        return [each["PipelineExecutionArn"] for each in found]

    assert tomorrow() == []
    events.enable_rule(Name=rule)
    (arn,) = tomorrow()
    assert user.end(arn)["FailureReason"] == "Step Say failed: scheduled"
    events.remove_targets(Rule=rule, Ids=["pipeline"])
    events.delete_rule(Name=rule)
