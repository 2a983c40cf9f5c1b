"""Takes the run's secret out of what jobs write: a log that is sent to somebody must hold no key."""

from __future__ import annotations

from pipeline.local.state.credentials import MASK


class Mask:
    """Replaces `secret` in a stream of bytes that is cut anywhere; an empty one changes nothing."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What may be passed on: `data` without the secret, and without an end that may be its beginning."""
        if not self._secret:
            return data
        data = (self._held + data).replace(self._secret, MASK.encode())
        longest = min(len(self._secret) - 1, len(data))
        held = next((size for size in range(longest, 0, -1) if data.endswith(self._secret[:size])), 0)
        self._held = data[len(data) - held :]
        return data[: len(data) - held]

    def rest(self) -> bytes:
        """What was held back, once the stream has ended: not the secret."""
        held, self._held = self._held, b""
        return held
