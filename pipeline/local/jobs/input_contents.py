"""What a step's inputs held when it ran or was reused, kept in its folder: for `explain`.

As on SageMaker the addresses of inputs decide whether a result is reused, and not what lies there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pipeline.errors import UsageError
from pipeline.local.state.objects import StoredObject
from pipeline.spec.definition import Json
from pipeline.spec.places import values_at
from pipeline.spec.step_types import STEP_TYPES

NAME = "inputs.json"
Under = Callable[[str], Iterable[StoredObject]]


def keep_contents(folder: Path, step_type: str, arguments: Mapping[str, Json], under: Under) -> None:
    """Write down in the step's `folder` what its inputs hold; `under` finds the objects of an address.

    Raises OSError when the disk does not take it.
    """
    places = (place.split(".") for place in STEP_TYPES[step_type].inputs)
    uris = (uri for place in places for _, uri in values_at(arguments, place, "") if isinstance(uri, str))
    held = {}
    for uri in uris:
        with contextlib.suppress(UsageError):  # No address: the job's own check says it better.
            held[uri] = _digest(under(uri))
    if held:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / NAME).write_text(json.dumps(held, indent=2) + "\n", encoding="utf-8")


def changed_contents(before: Path, now: Path) -> list[str]:
    """The inputs that held other things then than now, as the step's folders in two executions say."""
    held, holds = _read(before), _read(now)
    return [uri for uri, digest in holds.items() if held.get(uri, digest) != digest]


def _read(folder: Path) -> dict[str, str]:
    """What keep_contents wrote; nothing where it did not, or where that is damaged."""
    try:
        value = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _digest(objects: Iterable[StoredObject]) -> str:
    contents = [(each.key, each.sha256) for each in objects]
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()
