"""EventBridge's rules on the default bus, and their targets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pipeline.local.endpoint.event_patterns import Event, matcher
from pipeline.local.endpoint.event_targets import check_target
from pipeline.local.endpoint.pages import page
from pipeline.local.endpoint.schedule_times import due_times
from pipeline.local.endpoint.wire import VALIDATION, Request, ServiceError, model, read_json
from pipeline.local.state import clock
from pipeline.local.state.isolation import ACCOUNT, REGION
from pipeline.local.state.resources import Resources

RULE = "event rule"
_BUS = "default"
_MOST_TARGETS = 5
_REQUIRED = ("id", "account", "source", "time", "region", "resources", "detail-type")
Rule = dict[str, Any]


class Rules:
    """The operations on rules and targets. Usable from several threads."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._lock = threading.Lock()
        self._rules: dict[str, Rule] = resources.all(RULE)
        self._matchers: dict[str, Callable[[Event], bool]] = {}
        # Is called when a rule is made, or made anew.
        self.changed: Callable[[], None] = lambda: None

    def put_rule(self, request: Request) -> Request:
        """PutRule: makes a rule, or changes one, whose targets stay."""
        _require_default_bus(request)
        if not {"EventPattern", "ScheduleExpression"} & request.keys():
            raise ServiceError(
                VALIDATION, "Parameter(s) EventPattern or ScheduleExpression must be specified."
            )
        if "EventPattern" in request:
            matcher(request["EventPattern"])
        if "ScheduleExpression" in request:
            due_times(request["ScheduleExpression"])
        name = request["Name"]
        kept = {key: value for key, value in request.items() if key != "Tags"}
        arn = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"
        with self._lock:
            before = self._rules.get(name, {})
            self._put(
                {
                    "State": "ENABLED",
                    "EventBusName": _BUS,
                    **kept,
                    "Arn": arn,
                    "ScheduledFrom": clock.now(),
                    "Targets": before.get("Targets", []),
                }
            )
        self.changed()
        return {"RuleArn": arn}

    def describe_rule(self, request: Request) -> Request:
        """DescribeRule."""
        return _members("DescribeRuleResponse", self._find(request, "Name"))

    def list_rules(self, request: Request) -> Request:
        """ListRules."""
        _require_default_bus(request)
        prefix = request.get("NamePrefix", "")
        found = [self._rules[name] for name in sorted(self._rules) if name.startswith(prefix)]
        items, more = page(found, {**request, "MaxResults": request.get("Limit")})
        return {"Rules": [_members("Rule", each) for each in items], **more}

    def enable_rule(self, request: Request) -> Request:
        """EnableRule."""
        return self._set(request, State="ENABLED")

    def disable_rule(self, request: Request) -> Request:
        """DisableRule."""
        return self._set(request, State="DISABLED")

    def delete_rule(self, request: Request) -> Request:
        """DeleteRule: only without targets; one that is not there is gone already."""
        _require_default_bus(request)
        name = request["Name"]
        with self._lock:
            if self._rules.get(name, {}).get("Targets"):
                raise ServiceError(VALIDATION, "Rule can't be deleted since it has targets.")
            self._resources.delete((RULE, name))
            self._rules = {key: each for key, each in self._rules.items() if key != name}
        return {}

    def put_targets(self, request: Request) -> Request:
        """PutTargets: one whose Id is there is replaced. What cannot be reached here is refused by its ARN."""
        for target in request["Targets"]:
            check_target(target)
        with self._lock:
            rule = self._find(request, "Rule")
            targets = {each["Id"]: each for each in (*rule["Targets"], *request["Targets"])}
            if len(targets) > _MOST_TARGETS:
                raise ServiceError(
                    "LimitExceededException", "The requested resource exceeds the maximum number allowed."
                )
            self._put({**rule, "Targets": list(targets.values())})
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def remove_targets(self, request: Request) -> Request:
        """RemoveTargets."""
        with self._lock:
            rule = self._find(request, "Rule")
            kept = [each for each in rule["Targets"] if each["Id"] not in request["Ids"]]
            self._put({**rule, "Targets": kept})
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def list_targets_by_rule(self, request: Request) -> Request:
        """ListTargetsByRule."""
        targets = self._find(request, "Rule")["Targets"]
        items, more = page(targets, {**request, "MaxResults": request.get("Limit")})
        return {"Targets": items, **more}

    def test_event_pattern(self, request: Request) -> Request:
        """TestEventPattern."""
        try:
            event = read_json(request["Event"])
        except ValueError:
            event = None
        if not isinstance(event, dict) or (missing := [name for name in _REQUIRED if name not in event]):
            why = f" It lacks {', '.join(missing)}." if isinstance(event, dict) else ""
            raise ServiceError(VALIDATION, f"Parameter Event is not valid: it must be an event in JSON.{why}")
        return {"Result": matcher(request["EventPattern"])(event)}

    @property
    def are_listening(self) -> bool:
        """Whether any event could reach a target."""
        return any(
            rule["Targets"] and rule["State"] != "DISABLED" and "EventPattern" in rule
            for rule in self._rules.values()
        )

    def matching(self, event: Event) -> list[tuple[Rule, dict[str, Any]]]:
        """The targets that the event goes to, each with its rule."""
        found = []
        for rule in self._rules.values():
            pattern = rule.get("EventPattern")
            if rule["State"] != "DISABLED" and pattern is not None and self._matcher(pattern)(event):
                found += [(rule, target) for target in rule["Targets"]]
        return found

    @property
    def scheduled(self) -> list[Rule]:
        """The rules with a schedule that are enabled."""
        rules = self._rules.values()
        return [each for each in rules if "ScheduleExpression" in each and each["State"] != "DISABLED"]

    def _matcher(self, pattern: str) -> Callable[[Event], bool]:
        if pattern not in self._matchers:
            self._matchers[pattern] = matcher(pattern)
        return self._matchers[pattern]

    def _set(self, request: Request, **changes: Any) -> Request:
        with self._lock:
            self._put({**self._find(request, "Name"), **changes})
        return {}

    def _find(self, request: Request, member: str) -> Rule:
        _require_default_bus(request)
        rule = self._rules.get(request[member])
        if rule is None:
            raise ServiceError(
                "ResourceNotFoundException", f"Rule {request[member]} does not exist on EventBus {_BUS}."
            )
        return rule

    def _put(self, rule: Rule) -> None:
        self._resources.put((RULE, rule["Name"], rule))
        self._rules = {**self._rules, rule["Name"]: rule}


def _require_default_bus(request: Request) -> None:
    bus = str(request.get("EventBusName", _BUS))
    if bus.rpartition("event-bus/")[2] != _BUS:
        raise ServiceError(
            "ResourceNotFoundException",
            f"Event bus {bus} does not exist. The local SageMaker has default alone: leave EventBusName out.",
        )


def _members(shape: str, rule: Rule) -> Request:
    members = model("events").shape_for(shape).members
    return {name: value for name, value in rule.items() if name in members}
