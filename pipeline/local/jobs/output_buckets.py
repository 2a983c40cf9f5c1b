"""Which buckets a job's request writes to: on AWS they are there before the job, and so they are here."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.local.state.objects import split_uri
from pipeline.spec.definition import Json
from pipeline.spec.places import values_at
from pipeline.spec.step_types import STEP_TYPES


def output_buckets(step_type: str, request: Mapping[str, Json]) -> set[str]:
    """The buckets of all outputs and checkpoints of a job."""
    return {
        split_uri(uri)[0]
        for place in STEP_TYPES[step_type].outputs
        for _, uri in values_at(request, place.split("."), "$")
        if isinstance(uri, str)
    }
