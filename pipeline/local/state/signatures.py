"""Checks the AWS Signature Version 4 of a request: whether the holder of a key sent it, as it is and now.

For any service, in the header `Authorization` or in the query (a presigned URL); see signature_claims.py.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence

from pipeline.local.state.canonical_requests import RawRequest, canonical_request, string_to_sign
from pipeline.local.state.credentials import Credentials
from pipeline.local.state.signature_claims import (
    REMEDY,
    TIMESTAMP,
    UNSIGNED,
    Claim,
    Fault,
    SignatureRefused,
    quoted,
    read_claim,
)

SKEW_SECONDS = 15 * 60


class Verifier:
    """Checks requests against one key. Usable from several threads."""

    def __init__(
        self,
        credentials: Credentials,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """`wall` is the clock that clients sign by, and `steady` one that nobody sets."""
        self._credentials = credentials
        self._wall = wall
        self._steady = steady
        # The wall clock as it would be had nobody set it since.
        self._ahead = wall() - steady()

    def check(self, request: RawRequest, body: Callable[[], bytes]) -> str:
        """The service that the request, which is genuine, is signed for.

        `body` reads the request's body. It is called only for a request that names this key, and, where the request
        says what the body's hash is, only when all else is in order; and not at all where the body is not signed.

        Raises:
            SignatureRefused: nothing may be done for this request.
        """
        values = request.values()
        claim = self.check_head(request, values)
        digest = None if claim.payload is not None else hashlib.sha256(body()).hexdigest()
        canonical = canonical_request(
            request, values, service=claim.service, signed=claim.signed,
            payload=claim.payload or digest or "", without=() if claim.expires is None else (b"X-Amz-Signature",),
        )  # fmt: skip
        key = _signing_key(self._credentials.secret_key, claim.date, claim.region, claim.service)
        text = string_to_sign(claim.timestamp, claim.scope, canonical)
        signature = hmac.digest(key, text, "sha256").hex()
        if not _equal(claim.signature, signature):
            raise SignatureRefused(
                Fault.MISMATCH,
                "The signature is not what this request and this run's secret key give: the key is another, "
                f"or the request was changed on the way. {REMEDY}",
            )
        if claim.payload not in (None, UNSIGNED) and hashlib.sha256(body()).hexdigest() != claim.payload:
            raise SignatureRefused(
                Fault.PAYLOAD,
                "The body is not the one that x-amz-content-sha256 says: it was changed or cut off on the way. "
                "Send the request again.",
            )
        return claim.service

    def check_head(self, request: RawRequest, values: Mapping[str, Sequence[str]]) -> Claim:
        """What the request says of its signature, which nobody has compared yet; `values` are its headers.

        Raises:
            SignatureRefused: it is not signed now and with this key, whatever the signature is.
        """
        claim = read_claim(request, values)
        if not _equal(claim.access_key, self._credentials.access_key):
            raise SignatureRefused(
                Fault.UNKNOWN_KEY, f"The access key {quoted(claim.access_key)} is not this run's. {REMEDY}"
            )
        self._check_time(claim)
        _check_signed(claim, values)
        return claim

    def _check_time(self, claim: Claim) -> None:
        signed, now = claim.moment, self._wall()
        if claim.expires is not None:
            if now > signed + claim.expires:
                raise SignatureRefused(
                    Fault.EXPIRED, "This presigned URL has expired. Make another, with a larger ExpiresIn."
                )
            if now < signed - SKEW_SECONDS:
                raise SignatureRefused(Fault.EXPIRED, "This presigned URL is not valid yet. Set the clock.")
            return
        # A request that was on its way while somebody set the clock was signed by the clock as it was.
        nows = (now, self._steady() + self._ahead)
        if all(abs(moment - signed) > SKEW_SECONDS for moment in nows):
            raise SignatureRefused(
                Fault.SKEWED,
                f"The request was signed at {claim.timestamp}, more than 15 minutes from this machine's "
                f"{time.strftime(TIMESTAMP, time.gmtime(now))}. Set the clock of whatever signed it.",
            )


def _check_signed(claim: Claim, values: Mapping[str, Sequence[str]]) -> None:
    """Raises SignatureRefused unless what decides about the request is signed, and is there."""
    signed = set(claim.signed)
    if len(signed) != len(claim.signed) or not signed <= values.keys():
        missing = ", ".join(sorted(signed - values.keys()))
        raise SignatureRefused(
            Fault.MALFORMED,
            f"SignedHeaders must name headers of the request, each once (not there: {quoted(missing)}).",
        )
    unsigned = sorted(name for name in values if name.startswith("x-amz-") and name not in signed)
    if "host" not in signed or len(values["host"]) != 1 or unsigned:
        raise SignatureRefused(
            Fault.MALFORMED,
            "SignedHeaders must name host and every x-amz- header (missing: "
            f"{quoted(', '.join(unsigned)) or 'host'}).",
        )


def _equal(given: str, right: str) -> bool:
    """Comparison whose time tells nothing of how much is right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), right.encode())


@functools.lru_cache(maxsize=64)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for word in (date, region, service, "aws4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    return key
