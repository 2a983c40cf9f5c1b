"""Evaluates the expressions of a definition: Get, Std:Join and Std:JsonGet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pipeline.local.definition import Json


class Scope(Protocol):
    """What an expression can see while an execution runs."""

    @property
    def parameters(self) -> Mapping[str, Json]:
        """Every parameter's value."""

    @property
    def execution(self) -> Mapping[str, str]:
        """Execution variables by name: PipelineExecutionId, PipelineExecutionArn, PipelineName, PipelineArn, …"""

    def properties(self, step: str) -> Mapping[str, Json]:
        """What the finished `step` leaves behind, in the shape of its job's Describe response."""

    def property_file(self, step: str, name: str) -> Json:
        """The content of the property file `name` of the finished `step`."""


def resolve(value: Json, scope: Scope) -> Json:
    """`value` with every expression in it replaced by what it evaluates to in `scope`.

    Raises:
        StepFailed: an expression names what is not there (a property, a key of a property file, …).
    """
    raise NotImplementedError


def steps_referenced(value: Json) -> frozenset[str]:
    """The names of the steps whose properties or property files the expressions in `value` read."""
    raise NotImplementedError
