"""An equal evaluation has an equal report: that of an execution which reused one is copied instead of drawn again.

Drawing takes seconds (statsmodels, matplotlib and sixteen figures). A report ends with a seal: the digest of all
that it was made of, and its own. The copy says whose report it is.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pipeline.execution import ExecutionRecord
from pipeline.outcome import Outcome
from pipeline.report import write_whole

_PACKAGE = Path(__file__).resolve().parents[1]
_LIBRARIES = ("jinja2", "matplotlib", "numpy", "scikit-learn", "scipy", "statsmodels")
_SEAL = re.compile(rb"<!-- made of ([0-9a-f]{64}), sealed ([0-9a-f]{64}) -->\n\Z")
_SEAL_BYTES = 200
# Where the template has room for what a copy says.
_NOTE = re.compile(rb"(<!-- copied: -->).*?(<!-- :copied -->)", re.DOTALL)


def made_of(record: ExecutionRecord, outcome: Outcome) -> str:
    """SHA-256 (hex) over all that a report shows, but for what each execution has of its own: its id, its times,
    and which of its steps were reused.

    Raises:
        OSError: a file of the evaluation cannot be read.
    """
    registration = outcome.registration or {}
    shown = [
        [record.pipeline_name, record.target, record.status, record.failure_reason, dict(record.parameters)],
        [(step.name, step.type, step.status, step.failure_reason) for step in record.steps],
        outcome.evaluation,
        [registration.get(name) for name in ("model_package_arn", "version")],
        outcome.model_card,
        [_digest(file) for file in (outcome.predictions, outcome.gallery)],
        _digest_of_code(),
        [version(name) for name in _LIBRARIES],
    ]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def seal(report: Path, key: str) -> Path:
    """Write what the report was made of at its end; returns its path. Raises StateError, OSError."""
    return write_whole(report, _sealed(report.read_bytes(), key))


def copy_report(earlier: Path, earlier_id: str, record: ExecutionRecord, key: str, out: Path) -> bool:
    """Let the report of the execution `earlier_id` be that of `record` too, if it was made of the same and is
    whole; returns whether it was.

    Raises:
        StateError: it cannot be written.
    """
    try:
        content = earlier.read_bytes()
        cards = [(name, earlier.with_name(name).read_bytes()) for name in _cards(earlier)]
    except OSError:
        return False
    found = _SEAL.search(content, max(0, len(content) - _SEAL_BYTES))
    if found is None or found[1].decode() != key:
        return False
    content = content[: found.start()]
    if found[2].decode() != hashlib.sha256(content).hexdigest() or not _NOTE.search(content):
        return False
    note = (
        f'<p class="note">Execution {html.escape(record.execution_id)} reused the evaluation of execution '
        f"{html.escape(earlier_id)}. This is that one's report, and its times.</p>"
    )
    content = _NOTE.sub(rb"\1" + note.encode().replace(b"\\", rb"\\") + rb"\2", content, count=1)
    for name, card in cards:
        write_whole(out.with_name(name), card)
    write_whole(out, _sealed(content, key))
    return True


def _cards(report: Path) -> list[str]:
    names = ("model-card.json", "model-card.md")
    return [name for name in names if report.with_name(name).is_file()]


def _sealed(content: bytes, key: str) -> bytes:
    return content + f"<!-- made of {key}, sealed {hashlib.sha256(content).hexdigest()} -->\n".encode()


def _digest(file: Path | None) -> str | None:
    return None if file is None else hashlib.sha256(file.read_bytes()).hexdigest()


@cache
def _digest_of_code() -> str:
    """Over all files of this package: which of them a report needs is not guessed."""
    digest = hashlib.sha256()
    for path in sorted(
        path for path in _PACKAGE.rglob("*") if path.suffix in {".py", ".css", ".j2", ".html"}
    ):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
