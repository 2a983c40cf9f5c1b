"""An equal evaluation has an equal report: that of an execution which reused one is copied instead of drawn again.

Drawing takes seconds (statsmodels, matplotlib and sixteen figures). A report ends with a seal: the digest of all
that it was made of, and its own. The copy says whose report it is.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pipeline.analysis.evaluation import NOT_RECORDED
from pipeline.execution import ExecutionRecord
from pipeline.report.outcome import Outcome
from pipeline.report.writing import write_whole

_PACKAGE = Path(__file__).resolve().parents[1]
_LIBRARIES = ("jinja2", "matplotlib", "numpy", "scikit-learn", "scipy", "statsmodels")
_SEAL = re.compile(rb"<!-- report of ([A-Za-z0-9-]+), made of ([0-9a-f]{64}), sealed ([0-9a-f]{64}) -->\n\Z")
_SEAL_BYTES = 500
# Where the template has room for what a copy says.
_NOTE = re.compile(rb"(<!-- copied: -->).*?(<!-- :copied -->)", re.DOTALL)


def made_of(record: ExecutionRecord, outcome: Outcome) -> str:
    """SHA-256 (hex) over all that a report shows, but for what each execution has of its own: its id, its times,
    and which of its steps were reused.

    Raises:
        OSError: a file of the evaluation cannot be read.
    """
    from importlib.metadata import version

    registration = outcome.registration or NOT_RECORDED
    shown = [
        [record.pipeline_name, record.target, record.status, record.failure_reason, dict(record.parameters)],
        [(step.name, step.type, step.status, step.failure_reason) for step in record.steps],
        outcome.evaluation,
        [registration["model_package_arn"], registration["version"]],
        outcome.model_card,
        [_digest(file) for file in (outcome.predictions, outcome.gallery)],
        _digest_of_code(),
        [version(name) for name in _LIBRARIES],
    ]
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def seal(report: Path, record: ExecutionRecord, key: str) -> Path:
    """Write at the end of the report whose it is and what it was made of; returns its path. Raises StateError."""
    return write_whole(report, _sealed(report.read_bytes(), record.execution_id, key))


def copy_report(
    reports: Iterable[Path], record: ExecutionRecord, evaluated: str, key: str, out: Path
) -> bool:
    """Copy the first of `reports` that was made of `key` and is whole; returns whether there is one.

    `record` is the execution that the copy is for, `evaluated` the one whose evaluation it reused.

    Raises:
        StateError: it cannot be written.
    """
    for report in reports:
        try:
            whose, content = _unsealed(report, key)
            cards = [(name, report.with_name(name).read_bytes()) for name in _cards(report)]
        except (OSError, ValueError):
            continue
        note = (
            f"Execution {record.execution_id} reused the evaluation of execution {evaluated}, and nothing else "
            f"that is told here changed. This is the report of execution {whose}, with its times."
        )
        told = rb"\1" + f'<p class="note">{html.escape(note)}</p>'.encode() + rb"\2"
        for name, card in cards:
            write_whole(out.with_name(name), card)
        write_whole(out, _sealed(_NOTE.sub(told, content, count=1), whose, key))
        return True
    return False


def _unsealed(report: Path, key: str) -> tuple[str, bytes]:
    """Whose report it is, and its content. Raises ValueError when it was made of anything else, or is not whole."""
    with report.open("rb") as file:
        file.seek(max(0, report.stat().st_size - _SEAL_BYTES))
        found = _SEAL.search(file.read())
        if found is None or found[2].decode() != key:
            raise ValueError("another report")
        file.seek(0)
        content = file.read()[: -len(found[0])]
    if found[3].decode() != hashlib.sha256(content).hexdigest() or not _NOTE.search(content):
        raise ValueError("not as it was written")
    return found[1].decode(), content


def _cards(report: Path) -> list[str]:
    names = ("model-card.json", "model-card.md")
    return [name for name in names if report.with_name(name).is_file()]


def _sealed(content: bytes, whose: str, key: str) -> bytes:
    seal = f"<!-- report of {whose}, made of {key}, sealed {hashlib.sha256(content).hexdigest()} -->\n"
    return content + seal.encode()


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
