"""What has to be known of a type of step, to read, check, cache and run it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.spec.argument_rules import Rule
from pipeline.spec.definition import Json, Step
from pipeline.spec.diagnostics import Findings
from pipeline.spec.json_object import JsonObject
from pipeline.spec.references import Path


@dataclass(frozen=True)
class Operation:
    """The API operations behind a step type.

    `create` takes the step's arguments; the Describe response of `describe` is what other steps can refer to.
    `name_field` is the required field that Pipelines fills in when the step leaves it out. `lists`:
    another operation whose response can be referred to, too.
    """

    create: str
    describe: str
    name_field: str | None = None
    lists: str | None = None


@dataclass(frozen=True)
class StepType:
    """A type of step.

    Args:
        name: the step's Type.
        runs: how it is executed: a "job" shares the machine's cores with others, a "function" is a program that the
            user names for it, a "call" asks a service of the local AWS, "here" the scheduler decides it
            itself, "nowhere": it is only known.
        runner: who runs a job or function (a JobKind) or a call (a function of a ServiceCall), as
            "module:name". A name, since this package may not import what runs steps.
        keys: the members of its JSON besides those that every step has.
        operation: the API operations behind it: they say which arguments and properties it has.
        needs: the arguments without which nothing can run here, each to be there where its parent is; "*" is
            every entry. Which types arguments have, and what else the service requires, the operation says.
        rules: what the local engine does not do.
        image: of a job in a container, the section of the request that says what runs, and its key for the image.
        inputs: where the request names the S3 objects that it reads.
        outputs: where it names the S3 addresses that it writes to.
        cache_attributes: the arguments that decide its result, "*" for all; None: its results are not reused.
        called: for a function, the member of the step's JSON that says what is called on AWS.
        member_rules: as `rules`, of the step's own members.
        check: notes what is malformed in the step's own members.
        check_among: notes what is wrong with a step among those that it can see, by name.
        check_arguments: notes what is wrong with the arguments, given with their path, as a whole.
        properties: those that a finished step has, where no `operation` describes them; None: nobody knows.
    """

    name: str
    runs: Literal["job", "function", "call", "here", "nowhere"]
    runner: str = ""
    keys: tuple[str, ...] = ()
    operation: Operation | None = None
    needs: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    image: tuple[str, str] | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    cache_attributes: tuple[str, ...] | None = None
    called: str | None = None
    member_rules: tuple[Rule, ...] = ()
    check: Callable[[JsonObject], None] | None = None
    check_among: Callable[[Step, Mapping[str, Step], Findings], None] | None = None
    check_arguments: Callable[[Mapping[str, Json], str, Findings], None] | None = None
    properties: Callable[[Step], Collection[Path]] | None = None
