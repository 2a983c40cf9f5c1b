"""The page of the local SageMaker lists what it answers."""

from __future__ import annotations

import re
from pathlib import Path

from pipeline.local.endpoint.identity import Identity
from pipeline.local.endpoint.operations import all_operations
from pipeline.local.local_sagemaker import LocalSageMaker

PAGE = Path(__file__).resolve().parents[4] / "docs" / "local-sagemaker.md"


def test_the_page_lists_the_operations_and_no_others(server: LocalSageMaker) -> None:
    table = PAGE.read_text().partition("| service | operations |")[2].partition("\n\n")[0]
    listed = re.findall(r"`([A-Z][A-Za-z]+)`", table)
    answered = [*all_operations(server.engine), *Identity(server.opened.aws.credentials).operations]
    assert sorted(listed) == sorted(name for _, name in answered)
