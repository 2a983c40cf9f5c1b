"""Finds stored code that is not what its address says (code_address.py): a job can write to its own bucket."""

from __future__ import annotations

from pipeline.code_address import code_folder, is_code
from pipeline.local.state.objects import Objects, StoredObject


def changed_code(objects: Objects, uri: str) -> list[StoredObject]:
    """All objects below `uri` of folders of code that were changed, or added to, after they were uploaded.

    The contents must be on disk.
    """
    folders: dict[str, list[StoredObject]] = {}
    for stored in objects.under(uri):
        if (folder := code_folder(stored.uri)) is not None:
            folders.setdefault(folder, []).append(stored)
    changed = []
    for folder, inside in folders.items():
        files = ((stored.uri[len(folder) :], objects.path(stored).read_bytes()) for stored in inside)
        if not is_code(folder, files):
            changed += inside
    return changed
