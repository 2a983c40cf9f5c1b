"""Lets the SDK do once in a process what it does again at each of its sessions, steps and images.

None of it decides what a definition says; together it took two thirds of the time of a compile.
"""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

from sagemaker.core import common_utils
from sagemaker.core.config import config, config_manager
from sagemaker.mlops.workflow import steps


def do_once() -> None:
    """Make it so; for good, and the second time without effect."""
    for module in (config, config_manager):
        if not isinstance(module.jsonschema, OnceChecked):
            module.jsonschema = OnceChecked()
    # Each image and each partition reads botocore's list of all endpoints.
    if not hasattr(common_utils._botocore_resolver, "cache_clear"):
        common_utils._botocore_resolver = cache(common_utils._botocore_resolver)
    # Steps make a session of local mode to ask what its methods are called.
    if isinstance(steps.LocalSagemakerClient, type):
        steps.LocalSagemakerClient = MadeNowhere(steps.LocalSagemakerClient)


class MadeNowhere:
    """Stands for a class of whose objects only the methods' names are asked: the class answers."""

    def __init__(self, kind: type) -> None:
        self._kind = kind

    def __call__(self) -> type:
        """The class, in the place of an object."""
        return self._kind


class OnceChecked:
    """Stands for jsonschema where the SDK checks its defaults against one schema, and each time that schema itself:
    some sixty times a compile, which takes longer than all the rest."""

    def __init__(self) -> None:
        self._validator: Any = None
        self._good: object = None

    def validate(self, instance: object, schema: dict[str, Any]) -> None:
        """As jsonschema.validate, for the one schema."""
        from jsonschema.exceptions import best_match
        from jsonschema.validators import validator_for

        if self._validator is None:
            kind = validator_for(schema)
            kind.check_schema(schema)
            self._validator = kind(schema)
        if (
            instance != self._good
            and (error := best_match(self._validator.iter_errors(instance))) is not None
        ):
            raise error
        self._good = deepcopy(instance)
