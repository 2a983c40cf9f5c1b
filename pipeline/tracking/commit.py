"""The git commit of the code that trained, if it is the one that lies here."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pipeline.analysis.evaluation import Evaluation
from pipeline.study.origin import ROOT, git_commit


def commit_of_evaluation(evaluation: Evaluation | None, root: Path = ROOT) -> str | None:
    """The commit, with `-changed` when files differ from it; None where trainings ran other code, or without
    git."""
    candidates = evaluation["candidates"] if evaluation else []
    digests = {each["environment"].get("code_digest") for each in candidates}
    if digests != {training_code_digest(root / "training")}:
        return None
    found = git_commit(root)
    return found["commit"] and f"{found['commit']}{'-changed' if found['changed'] else ''}"


def training_code_digest(folder: Path) -> str:
    """What a training writes down as its `code_digest`: see training/provenance.py, which is not imported here."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.py"), *folder.glob("requirements.txt")]):
        digest.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
