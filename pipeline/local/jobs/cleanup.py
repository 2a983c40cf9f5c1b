"""Runs a Cleanup step: deletes what earlier steps left in the local S3."""

from __future__ import annotations

from pipeline.errors import StepFailed
from pipeline.formatting import plural
from pipeline.local.jobs.service_call import ServiceCall
from pipeline.local.state.cache import output_folders
from pipeline.local.state.objects import StoredObject, split_uri
from pipeline.spec.definition import Json


def clean_up(call: ServiceCall) -> dict[str, Json]:
    """Delete the outputs of each source: all of a training job's, of others the objects that are named.

    All of it is found before anything goes. An object that is not there is none to delete, as in S3.

    Raises:
        StepFailed: an object is not below the outputs of its step.
    """
    found: dict[str, StoredObject] = {}
    for source in call.request["Resources"]["S3"]:
        name, uris = source["StepName"], source.get("S3Uris")
        folders = output_folders(call.upstream.get(name) or {})
        if uris is None:
            own = [stored for folder in folders for stored in call.aws.stored_objects(folder)]
        else:
            own = [stored for uri in uris for stored in _named(call, name, uri, folders)]
        call.log.say(f"{name}: {plural(len(own), 'object')} to delete")
        found |= {stored.uri: stored for stored in own}
    call.aws.delete_objects(list(found.values()))
    for uri in found:
        call.log.say(f"deleted {uri}")
    return {}


def _named(call: ServiceCall, step: str, uri: str, folders: list[str]) -> list[StoredObject]:
    if not any(uri.startswith(folder) for folder in folders):
        raise StepFailed(
            f"Could not delete {uri}: it is not below the outputs of {step}, "
            f"{', '.join(folders) or 'which left none'}. Name an object that it wrote."
        )
    call.aws.save_objects()
    stored = call.aws.objects.find(*split_uri(uri))
    return [] if stored is None else [stored]
