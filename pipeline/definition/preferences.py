"""Trainings that take the first of several types of instances that is free: changed in what the SDK compiled.

The SDK's objects have no place for it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence


def with_preferences(definition: str, types: Sequence[str]) -> str:
    """The definition with each training job on the first of these types of instances that is free.

    API reference, ResourceConfig: InstancePreferences and InstanceType exclude each other.
    """
    document = json.loads(definition)
    for step in document["Steps"]:
        arguments = step.get("Arguments", {})
        machines = arguments.get("TrainingJobDefinition", arguments).get("ResourceConfig")
        if machines is not None:
            machines.pop("InstanceType", None)
            machines["InstancePreferences"] = [{"InstanceType": each} for each in types]
    return json.dumps(document, indent=2) + "\n"
