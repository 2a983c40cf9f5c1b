"""Passes QualityCheck and ClarifyCheck steps with SkipCheck true.

On AWS such a step compares nothing with an earlier baseline, but still calculates a new one, with an image of the
service's own. Here nothing is calculated: the properties name where the service would put it.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.errors import StepFailed
from pipeline.local.jobs.service_call import ServiceCall
from pipeline.spec.definition import Json

_NEW, _USED, _SUPPLIED = "CalculatedBaseline", "BaselineUsedForDriftCheck", "SuppliedBaseline"


def skip_quality_check(call: ServiceCall) -> dict[str, Json]:
    """Pass a QualityCheck step; returns its properties.

    Raises:
        StepFailed: its SkipCheck has turned out not to be true.
    """
    return _skip(call, {"Statistics": "statistics.json", "Constraints": "constraints.json"})


def skip_clarify_check(call: ServiceCall) -> dict[str, Json]:
    """Pass a ClarifyCheck step; returns its properties.

    Raises:
        StepFailed: its SkipCheck has turned out not to be true.
    """
    return _skip(call, {"Constraints": "analysis.json"})


def _skip(call: ServiceCall, files: Mapping[str, str]) -> dict[str, Json]:
    if call.members.get("SkipCheck") is not True:
        raise StepFailed(
            "The local engine checks no data or models, so it passes such steps with SkipCheck true only; it is "
            f"{call.members.get('SkipCheck')!r}."
        )
    outputs = (call.request.get("ProcessingOutputConfig") or {}).get("Outputs") or [{}]
    folder = (outputs[0].get("S3Output") or {}).get("S3Uri")
    found: dict[str, Json] = {}
    for kind, file in files.items():
        new = None if folder is None else f"{folder.rstrip('/')}/{file}"
        used = new if call.members.get("RegisterNewBaseline") else call.members.get(f"{_SUPPLIED}{kind}")
        found |= {f"{_NEW}{kind}": new, f"{_USED}{kind}": used}
    call.log.say(
        "skipped, as its SkipCheck says; no new baseline is calculated here, as it would be on SageMaker"
    )
    return {name: value for name, value in found.items() if value is not None}
