"""Which parts of this machine a job goes on seeing, when some paths are its own."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pipeline


def around(own: Iterable[Path], needed: Iterable[Path] = ()) -> list[Path]:
    """The largest files and folders of this machine that together are all of it but the paths `own`.

    A folder above one of `own` is given entry by entry. Of `needed` those that lie below one of `own` are added:
    they have to be there nevertheless. Links come as they are, links; what cannot be listed is left out.
    """
    own = set(own)
    above = {parent for path in own for parent in path.parents}
    hidden = [path for path in needed if not own.isdisjoint(path.parents) and path.exists()]
    return [*_entries(Path("/"), own, above), *_outermost(hidden)]


def needed_folders(state: Path, environ: Mapping[str, str], more: Iterable[Path] = ()) -> tuple[Path, ...]:
    """What a job of this engine must find where it is: its Python, this checkout, the state folder, programs, and
    what `more` names."""
    paths = [
        state,
        *more,
        Path(pipeline.__file__).resolve().parents[2],
        *(Path(prefix) for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)),
        Path(sys.executable).parent,
        Path(sys.executable).resolve().parent,
        *map(Path, site.getsitepackages()),
        *map(Path, filter(None, sys.path)),
        *(Path(name) for name in [environ.get("FASHION_DATA")] if name),
    ]
    for variable in ("PATH", "LD_LIBRARY_PATH"):
        paths += [Path(name) for name in environ.get(variable, "").split(os.pathsep) if name]
    absolute = (path.expanduser().absolute() for path in paths)
    return tuple(dict.fromkeys(place for path in absolute for place in (path, *_resolved(path))))


def _resolved(path: Path) -> Iterator[Path]:
    with suppress(OSError, RuntimeError):  # Its links lead in a circle: there is nothing to find.
        yield path.resolve()


def _entries(folder: Path, own: set[Path], above: set[Path]) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for path in entries:
        if path in own:
            continue
        if path in above and path.is_dir():
            yield from _entries(path, own, above)
        else:
            yield path


def _outermost(paths: Iterable[Path]) -> list[Path]:
    kept: set[Path] = set()
    for path in sorted(set(paths)):
        if kept.isdisjoint(path.parents):
            kept.add(path)
    return sorted(kept)
