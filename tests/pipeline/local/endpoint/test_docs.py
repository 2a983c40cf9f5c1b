"""The page of the local SageMaker lists what it answers."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.local.local_sagemaker import LocalSageMaker

PAGE = Path(__file__).resolve().parents[4] / "docs" / "local-sagemaker.md"


def test_the_page_lists_the_operations_and_no_others(server: LocalSageMaker) -> None:
    table = PAGE.read_text().partition("| service | operations |")[2].partition("\n\n")[0]
    listed = re.findall(r"`([A-Z][A-Za-z]+)`", table)
    assert sorted(listed) == sorted(name for _, name in server.operations)
