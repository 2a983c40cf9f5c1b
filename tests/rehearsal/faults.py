"""What a life that was played would have met with under another template: who would have been refused, or not.

The life is played once, which takes a minute; its asks are decided again for each template, which takes a moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from infra.regions import for_region, regions
from infra.resolving import ResolvedStack, resolve_template
from infra.template import Template, compact
from pipeline.errors import UsageError
from tests.rehearsal.agent import strangers
from tests.rehearsal.events import ACT, event_asks, lost_events, taken_along
from tests.rehearsal.formation import LARGEST, problems
from tests.rehearsal.judge import Judge
from tests.rehearsal.life import CHOSEN, Played

EVERYBODYS = "/aws/sagemaker/"


def faults(template: Template, played: Played, chosen: Mapping[str, str] = CHOSEN) -> Iterator[str]:
    """Everything that the rehearsal finds wrong with a template, in the order of the life."""
    yield from _of_regions(template, chosen)
    stack = resolve_template(template, dict(chosen))
    yield from lost_events(stack)
    yield from taken_along(stack, played.keys_of)
    yield from _of_destroying(stack)
    judge = Judge(stack)
    for ask in [*event_asks(stack), *(each for each in played.asks if each.act != ACT)]:
        if (complaint := judge.complaint(ask)) is not None:
            yield complaint
    yield from of_definition(played)


def _of_regions(template: Template, chosen: Mapping[str, str]) -> Iterator[str]:
    for region in regions(template):
        try:
            sent = compact(for_region(template, region)[0])
        except UsageError as error:
            yield f"Deploying the stack: {error}"
            continue
        parsed: Template = json.loads(sent)
        values = {name: value for name, value in chosen.items() if name in parsed["Parameters"]}
        for problem in problems(parsed, values, region):
            yield f"Deploying the stack: CloudFormation refuses the template: {problem}."
        if len(sent.encode()) > LARGEST:
            yield f"Deploying the stack: the template has {len(sent)} bytes, of at most {LARGEST}."


def _of_destroying(stack: ResolvedStack) -> Iterator[str]:
    for name, resource in stack.resources.items():
        group = str(resource.get("Properties", {}).get("LogGroupName", ""))
        shared = group.startswith(EVERYBODYS) and not group.startswith(f"{EVERYBODYS}Endpoints/")
        if shared and resource.get("DeletionPolicy") != "Retain":
            yield f"Removing the stack: {name} goes with it, and with it everybody's logs in {group}."


def of_definition(played: Played) -> Iterator[str]:
    """What SageMaker refuses, or takes otherwise than it is meant, in the definition that was played."""
    for each in played.definition.get("Parameters", ()):
        if each.get("DefaultValue") == "":
            yield (
                f"Running the pipeline: {each['Name']} is empty, and StartPipelineExecution takes no empty text."
            )
        if (
            each["Name"] == "InputDataUri"
            and "DefaultValue" in each
            and (others := strangers(each["DefaultValue"], played.keys_of))
        ):
            yield f"Running the pipeline: {each['DefaultValue']} takes {others[0]} along, which begins so too."
