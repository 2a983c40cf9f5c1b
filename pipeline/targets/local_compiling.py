"""Compiles the definition for the local target, unless nothing has changed since that was last done.

Importing the SageMaker SDK takes seconds: a run that changes nothing must not wait for it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from pipeline.definition.code_upload import digest_of_code
from pipeline.definition.settings import Settings
from pipeline.local.state.cache import local_image
from pipeline.local.state.objects import Objects, dump_objects, load_objects
from pipeline.local.state.schema import checksum, is_sound
from pipeline.local.state.state_dir import Home
from pipeline.local.state.store import Store

ROOT = Path(__file__).resolve().parents[2]
_KEPT = 20  # definitions of some 40 kB each


class CompiledDefinitions:
    """The definitions that the state folder remembers, by all that decides them."""

    def __init__(self, home: Home, store: Store) -> None:
        self._objects = Objects(home, store)
        self._database = store.database

    def get(self, settings: Settings, compile_now: Callable[[], str]) -> str:
        """The definition for `settings`: the remembered one if the code that it names is intact in the store.

        Otherwise what `compile_now` returns, after which that code must be in the store.
        """
        inputs = digest_of_inputs(settings)
        rows = self._database.rows("SELECT inputs, text, code, crc FROM compiled WHERE inputs = ?", (inputs,))
        if rows and is_sound(rows[0]) and self._objects.change(load_objects(rows[0][2])) is None:
            text: str = rows[0][1]
            return text
        text = compile_now()
        addresses = set(re.findall(rf'"({re.escape(settings.uri("code"))}/[^"]+)"', text))
        code = [stored for uri in sorted(addresses) for stored in self._objects.under(uri)]
        row = (inputs, text, dump_objects(code))
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO compiled (inputs, text, code, crc) VALUES (?, ?, ?, ?)",
                (*row, checksum(*row)),
            )
            connection.execute(
                "DELETE FROM compiled WHERE number <= (SELECT MAX(number) FROM compiled) - ?", (_KEPT,)
            )
        return text


def digest_of_inputs(settings: Settings, root: Path = ROOT) -> str:
    """SHA-256 (hex) over what decides a compiled definition: settings, code, and the packages that compile it.

    All modules of this package count: which of them the definition imports is not guessed. `root`: the repository.
    """
    digest = hashlib.sha256()
    compiler = [path.read_bytes() for path in sorted((root / "pipeline").rglob("*.py"))]
    shipped = [digest_of_code(root / folder).encode() for folder in ("processing", "training")]
    for part in (repr(settings).encode(), local_image().encode(), *shipped, *compiler):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()
