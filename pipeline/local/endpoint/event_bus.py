"""The default event bus: takes events, and sends each to the targets of the rules that it matches, in its own time.

What has not been sent when the server is killed is lost.
"""

from __future__ import annotations

import queue
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.local.endpoint.event_patterns import Event
from pipeline.local.endpoint.event_rules import Rule, Rules
from pipeline.local.endpoint.event_targets import Targets
from pipeline.local.endpoint.wire import Request, read_json, seconds_of
from pipeline.local.jobs.job import time_text
from pipeline.local.state import clock
from pipeline.local.state.isolation import ACCOUNT, REGION
from pipeline.printable import printable

_SAGEMAKER = "aws.sagemaker"


class EventBus:
    """Usable from several threads."""

    def __init__(self, rules: Rules, targets: Targets, say: Callable[[str], None]) -> None:
        """`say` is told of events that could not be sent."""
        self._rules = rules
        self._targets = targets
        self._say = say
        self._waiting: queue.SimpleQueue[tuple[Event, Rule | None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def is_listened_to(self) -> bool:
        """Whether any event could reach a target."""
        return self._rules.are_listening

    def put_events(self, request: Request) -> Request:
        """PutEvents."""
        entries = [self._put(entry) for entry in request["Entries"]]
        return {"Entries": entries, "FailedEntryCount": sum("ErrorCode" in each for each in entries)}

    def tell(self, detail_type: str, resources: Sequence[str], detail: Any) -> None:
        """An event of SageMaker's."""
        self._send(_SAGEMAKER, detail_type, resources, detail, clock.now())

    def fire(self, rule: Rule) -> None:
        """The event of a rule that is due by its schedule: to its own targets."""
        self._send("aws.events", "Scheduled Event", [rule["Arn"]], {}, clock.now(), rule)

    def close(self) -> None:
        """Send what waits, and end."""
        with self._lock:
            thread = self._thread
        self._waiting.put(None)
        if thread is not None:
            thread.join()

    def _put(self, entry: Request) -> Request:
        for name in ("Source", "DetailType", "Detail"):
            if not entry.get(name):
                return _refused(
                    "InvalidArgument",
                    f"Parameter {name} is not valid. Reason: {name} is a required argument.",
                )
        if entry["Source"].startswith("aws."):
            return _refused("NotAuthorizedForSourceException", "Not authorized for the source.")
        if entry.get("EventBusName", "default").rpartition("event-bus/")[2] != "default":
            why = "The local SageMaker has only the event bus default. Leave EventBusName out."
            return _refused("InvalidArgument", why)
        try:
            detail = read_json(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return _refused("MalformedDetail", "Detail is malformed.")
        at = seconds_of(entry["Time"]) if "Time" in entry else clock.now()
        resources = entry.get("Resources", [])
        return {"EventId": self._send(entry["Source"], entry["DetailType"], resources, detail, at)}

    def _send(
        self,
        source: str,
        detail_type: str,
        resources: Sequence[str],
        detail: Any,
        at: float,
        rule: Rule | None = None,
    ) -> str:
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": time_text(at),
            "region": REGION,
            "resources": list(resources),
            "detail": detail,
        }
        self._waiting.put((event, rule))
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="events")
                self._thread.start()
        return str(event["id"])

    def _work(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            event, due = waiting
            for rule, target in self._rules.matching(event) if due is None else _targets_of(due):
                try:
                    self._targets.send(event, target)
                except Exception as error:
                    self._say(
                        f"Could not send an event to {target['Arn']}, a target of the rule {rule['Name']}: "
                        f"{printable(str(error))}"
                    )


def _targets_of(rule: Rule) -> list[tuple[Rule, Any]]:
    return [(rule, target) for target in rule["Targets"]]


def _refused(code: str, message: str) -> Request:
    return {"ErrorCode": code, "ErrorMessage": message}
