"""The environments of clients that this project does not depend on: each with pins and hashes of its own.

They are made once, in .venv-clients, by whichever test asks first; `make clean` removes them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pipeline.cli.set_up import STAMP, SetUpError, build

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".venv-clients"
# Set by `make test-clients`: then those that are dear are made, too.
WANTED = "TEST_CLIENTS"
_UNREACHABLE = re.compile(r"connection|timed out|resolution|unreachable|proxy|certificate", re.IGNORECASE)


def programs_of(name: str, *, dear: bool = False) -> Path:
    """The folder of the programs of NAME.lock's environment; the test is skipped where there can be none.

    `dear`: make it only for `make test-clients`.
    """
    environment = ENVIRONMENTS / name
    if dear and not os.environ.get(WANTED) and not (environment / STAMP.name).exists():
        pytest.skip(
            f"NOT TESTED: {name} against the local SageMaker. Its environment is made by make test-clients"
        )
    ENVIRONMENTS.mkdir(exist_ok=True)
    try:
        build(HERE / f"{name}.lock", environment)
    except SetUpError as error:
        if not _UNREACHABLE.search(str(error)):
            raise
        pytest.skip(
            f"NOT TESTED: {name} against the local SageMaker. The package index does not answer: {error}"
        )
    return environment / "bin"
