"""Lines that a library writes although it was told not to: in the log's file, and not in what people read of it.

TensorFlow's C++ code says at its start that oneDNN is on, before it has read the level that switches such lines off
(TF_CPP_MIN_LOG_LEVEL), and the logging library warns of lines that come so early.
"""

from __future__ import annotations

import re

# A host's name, where there are several; then the warning, or a line of level I that has no date yet.
_EARLY = re.compile(
    r"(?:\[algo-\d+\] )?(?:"
    r"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    r"|I0000 00:00:\d+\.\d+ +\d+ \w+\.cc:\d+\] .*)\s*"
)


def is_noise(line: str) -> bool:
    """Whether a log's line is one of those."""
    return _EARLY.fullmatch(line) is not None
