"""The errors of AWS's clients, for `except`, without importing botocore (0.1 s) where nobody has made a client."""

from __future__ import annotations

import sys


def client_errors() -> tuple[type[Exception], ...]:
    """ClientError and BotoCoreError; nothing as long as botocore is not imported, so that none can be raised."""
    if "botocore" not in sys.modules:
        return ()
    from botocore.exceptions import BotoCoreError, ClientError

    return (ClientError, BotoCoreError)
