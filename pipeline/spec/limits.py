"""The limits that the service sets to the numbers and names of a step's request, as botocore's model has them.

Only those are refused here that mean something to the local engine too: a number out of range, a boolean for a
number, a name that no environment variable or folder can have. `run --definition` names the others as remarks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.json_path import child
from pipeline.shown import shown
from pipeline.spec.definition import Json
from pipeline.spec.diagnostics import Findings
from pipeline.spec.expressions import is_expression
from pipeline.spec.refusals import values_at
from pipeline.spec.validation.constraints import string_violations, violations
from pipeline.spec.validation.service_model import request_shape
from pipeline.spec.validation.service_model import shape as service_shape

_NUMBERS = frozenset({"range", "type"})
# Where requests have environments, and what becomes a folder's name.
_ENVIRONMENTS = (
    "Environment",
    "PrimaryContainer.Environment",
    "Containers.*.Environment",
    "InferenceSpecification.Containers.*.Environment",
)
# API reference, CreateProcessingJob, Environment. The system itself takes no "=" and no NUL in a name.
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_CHANNELS = "InputDataConfig.*.ChannelName"


def check_limits(step_type: str, arguments: Mapping[str, Json], path: str, findings: Findings) -> None:
    """Notes every number and name of the request at `path` that the service would not take either."""
    shape = request_shape(step_type)
    if shape is None:
        return
    for found in violations(arguments, shape, path):
        if found.kind in _NUMBERS:
            findings.add(found.path, found.message)
    for place in _ENVIRONMENTS:
        for at, environment in values_at(arguments, place.split("."), path):
            if isinstance(environment, Mapping) and not is_expression(environment):
                _check_names(environment, at, findings)
    for at, name in values_at(arguments, _CHANNELS.split("."), path):
        if step_type == "Training" and isinstance(name, str):
            for found in string_violations(name, service_shape("ChannelName"), at):
                findings.add(at, found.message)


def _check_names(environment: Mapping[str, Json], path: str, findings: Findings) -> None:
    """Notes names that no environment variable can have."""
    for name in environment:
        if not _VARIABLE.fullmatch(name):
            findings.add(
                child(path, name),
                "an environment variable's name has letters, digits and _, and does not begin with a digit."
                f" Received: {shown(name)}",
            )
