"""The access key of one run: whoever starts a local server makes one, and only his own processes are told of it.

The servers listen where every user of the machine can ask them; a request that this key did not sign gets no answer
(signatures.py). The key lives in memory and in the environments of jobs, which the system shows to nobody else, and
ends with the server. It is no part of a definition, of a cache key or of a record.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
# As long as AWS's, and recognizable where it should not be.
_PREFIX = "LOCAL"
_KEY_LENGTH = 20
_SECRET_BYTES = 30
MASK = "*" * 8


@dataclass(frozen=True)
class Credentials:
    """An access key: its id, and the secret that signs. The secret is no part of its representation."""

    access_key: str
    secret_key: str = field(repr=False)

    def masked(self, text: str) -> str:
        """`text` without the secret."""
        return text.replace(self.secret_key, MASK)


def new_credentials() -> Credentials:
    """An access key that nobody has had before."""
    name = "".join(secrets.choice(_LETTERS) for _ in range(_KEY_LENGTH - len(_PREFIX)))
    return Credentials(_PREFIX + name, secrets.token_urlsafe(_SECRET_BYTES))
