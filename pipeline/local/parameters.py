"""The values of an execution's parameters: the definition's defaults, overridden by what the user gives."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.local.definition import Definition, Json


def resolve_parameters(definition: Definition, given: Mapping[str, object]) -> dict[str, Json]:
    """The value of every parameter of `definition`, in its order.

    Strings (from the command line) are converted to the parameter's type.

    Raises:
        UsageError: a name is unknown, a value is missing, has the wrong type or is not one of the enum's values; the
            message lists every finding.
    """
    raise NotImplementedError
