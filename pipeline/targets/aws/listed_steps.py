"""The steps of a definition by name and type, in its order: SageMaker lists only those that have started."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import AwsError, UsageError
from pipeline.spec.vocabulary import DEFAULT_PARAMETER_TYPE


@dataclass(frozen=True)
class Node:
    """A step. `branch`: the conditions, outermost first, that must have this outcome for it to run."""

    name: str
    type: str
    branch: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class Graph:
    """The steps in document order, and the parameters' defaults and types."""

    nodes: tuple[Node, ...]
    parameters: Mapping[str, tuple[str, Any]]


def read_graph(definition: str) -> Graph:
    """The graph of a compiled definition. Raises AwsError when it is none: anybody may have sent it there."""
    try:
        document = json.loads(definition)
        parameters = {
            str(each["Name"]): (each.get("Type", DEFAULT_PARAMETER_TYPE), each.get("DefaultValue"))
            for each in document.get("Parameters") or ()
        }
        return Graph(tuple(_nodes(document["Steps"], ())), parameters)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        lack = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise AwsError(
            f"Could not read the pipeline's definition, as the service keeps it: {lack}. Bring it up to date by a "
            "run: python -m pipeline run --target sagemaker"
        ) from error


def check_selection(only: Collection[str], graph: Graph) -> None:
    """Raises UsageError for a name in `only` that no step has."""
    names = [node.name for node in graph.nodes]
    for name in only:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"Did you mean {near[0]}?" if near else "Name steps of the pipeline."
            raise UsageError(f"There is no step {name} (--only), only {', '.join(names)}. {hint}")


def _nodes(steps: list[dict[str, Any]], branch: tuple[tuple[str, bool], ...]) -> Iterator[Node]:
    for step in steps:
        name, kind = str(step["Name"]), str(step["Type"])
        yield Node(name, kind, branch)
        if kind == "Condition":
            for part, taken in (("IfSteps", True), ("ElseSteps", False)):
                yield from _nodes(step["Arguments"].get(part) or [], (*branch, (name, taken)))
