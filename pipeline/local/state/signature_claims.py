"""What a request says of its AWS Signature Version 4: in the header `Authorization`, or in a presigned URL's query.

Nothing here is believed yet: signatures.py checks it. What is not taken is refused by name: Signature Version 2,
which covers neither body nor most of the query; version 4A; and bodies in signed chunks (`STREAMING-…`), which
clients send over HTTPS.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from enum import Enum

from pipeline.local.state.canonical_requests import RawRequest
from pipeline.printable import printable

ALGORITHM = "AWS4-HMAC-SHA256"
TIMESTAMP = "%Y%m%dT%H%M%SZ"
UNSIGNED = "UNSIGNED-PAYLOAD"
LONGEST_EXPIRY = 7 * 24 * 3600
# What to do with a request that another key signed, or none.
REMEDY = "Use the key and the endpoint of this run: what AWS_* variables a job has."
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SCOPE_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_QUOTED = 60
_IN_QUERY = "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature"


class Fault(Enum):
    """What is wrong with a request's signature."""

    MISSING = "missing"
    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"
    UNKNOWN_KEY = "unknown key"
    SKEWED = "skewed"
    EXPIRED = "expired"
    MISMATCH = "mismatch"
    PAYLOAD = "payload"


class SignatureRefused(Exception):
    """The request is not to be answered; the message says why, and what to do. It quotes no secret."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True)
class Claim:
    """What a request says of its signature.

    `timestamp` has the form 20261130T120000Z, `moment` is the same in seconds since the epoch; `signed` are names
    of headers; `payload` is the body's SHA-256 in hex, UNSIGNED, or None when the request does not say; `expires`:
    the seconds that a presigned URL lasts.
    """

    access_key: str
    date: str
    region: str
    service: str
    timestamp: str
    moment: float
    signed: tuple[str, ...]
    signature: str
    payload: str | None
    expires: int | None = None

    @property
    def scope(self) -> str:
        """Date, region and service, as they are signed."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def read_claim(request: RawRequest, values: Mapping[str, Sequence[str]]) -> Claim:
    """What the request says of its signature; `values` are its headers (RawRequest.values).

    Raises:
        SignatureRefused: it is not signed, or not in a form that is taken here.
    """
    query: dict[str, list[str]] = {}
    for encoded, parameter in request.query:
        query.setdefault(encoded.decode("latin-1"), []).append(parameter.decode("latin-1"))
    authorization = values.get("authorization")
    if authorization is None:
        if any(name in query for name in _IN_QUERY):
            return _claim_in_query(query, values)
        if "AWSAccessKeyId" in query or "Signature" in query:
            raise _no_version_2()
        raise SignatureRefused(Fault.MISSING, f"The request is not signed, and is from nobody. {REMEDY}")
    if len(authorization) > 1 or any(name in query for name in _IN_QUERY):
        raise SignatureRefused(Fault.MALFORMED, "The request is signed twice. Sign it once.")
    algorithm, _, rest = authorization[0].strip().partition(" ")
    if algorithm == "AWS":
        raise _no_version_2()
    if algorithm != ALGORITHM:
        raise SignatureRefused(
            Fault.UNSUPPORTED,
            f"Authorization: {quoted(algorithm)} is not accepted here. Sign with {ALGORITHM}.",
        )
    fields: dict[str, str] = {}
    for part in rest.split(","):
        name, _, value = part.strip().partition("=")
        fields[name] = value
    if set(fields) != {"Credential", "SignedHeaders", "Signature"}:
        raise SignatureRefused(
            Fault.MALFORMED,
            "Authorization must name Credential, SignedHeaders and Signature, separated by commas, and no more.",
        )
    return _claim_of(
        fields["Credential"], fields["SignedHeaders"], fields["Signature"], _timestamp(values), _payload(values)
    )  # fmt: skip


def _claim_in_query(query: Mapping[str, Sequence[str]], values: Mapping[str, Sequence[str]]) -> Claim:
    found = {}
    for name in (*_IN_QUERY, "X-Amz-Expires"):
        if len(query.get(name, ())) != 1:
            raise SignatureRefused(Fault.MALFORMED, f"A presigned URL must name {name} once.")
        found[name] = query[name][0]
    if found["X-Amz-Algorithm"] != ALGORITHM:
        algorithm = quoted(found["X-Amz-Algorithm"])
        raise SignatureRefused(
            Fault.UNSUPPORTED, f"X-Amz-Algorithm={algorithm} is not accepted here. Sign with {ALGORITHM}."
        )
    expires = found["X-Amz-Expires"]
    if not re.fullmatch(r"[0-9]{1,6}", expires) or not 1 <= int(expires) <= LONGEST_EXPIRY:
        raise SignatureRefused(
            Fault.MALFORMED, f"X-Amz-Expires must be from 1 to {LONGEST_EXPIRY} (got {quoted(expires)})."
        )
    claim = _claim_of(
        found["X-Amz-Credential"], found["X-Amz-SignedHeaders"], found["X-Amz-Signature"], found["X-Amz-Date"],
        _payload(values), int(expires),
    )  # fmt: skip
    # Who makes a URL for S3 does not know the body; other services sign it all the same.
    if claim.payload is None and claim.service == "s3":
        return replace(claim, payload=UNSIGNED)
    return claim


def _claim_of(
    credential: str,
    signed: str,
    signature: str,
    timestamp: str,
    payload: str | None,
    expires: int | None = None,
) -> Claim:
    words = credential.split("/")
    if len(words) != 5 or words[4] != "aws4_request" or not all(map(_SCOPE_WORD.fullmatch, words)):
        raise SignatureRefused(
            Fault.MALFORMED,
            f"Credential must be KEY/DATE/REGION/SERVICE/aws4_request (got {quoted(credential)}).",
        )
    access_key, date, region, service, _ = words
    moment = _moment_of(timestamp)
    if date != timestamp[:8]:
        raise SignatureRefused(
            Fault.MALFORMED,
            f"The date of Credential, {quoted(date)}, must be that of the request, {timestamp[:8]}.",
        )
    names = tuple(signed.split(";"))
    return Claim(access_key, date, region, service, timestamp, moment, names, signature, payload, expires)


def _timestamp(values: Mapping[str, Sequence[str]]) -> str:
    """When the request was signed, by its header X-Amz-Date, or else Date, which another form."""
    stamps = values.get("x-amz-date")
    if stamps is not None and len(stamps) == 1:
        return stamps[0].strip()
    dates = values.get("date")
    if stamps is None and dates is not None and len(dates) == 1:
        try:
            return time.strftime(TIMESTAMP, parsedate_to_datetime(dates[0]).utctimetuple())
        except (ValueError, OverflowError):
            pass
    raise SignatureRefused(Fault.MALFORMED, "A signed request must say when, in X-Amz-Date or in Date, once.")


def _moment_of(timestamp: str) -> float:
    """The seconds since the epoch of 20261130T120000Z."""
    if re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", timestamp):
        try:
            # A third of the time that strptime takes, and every request is checked.
            return datetime.datetime.fromisoformat(timestamp).timestamp()
        except ValueError:
            pass
    raise SignatureRefused(
        Fault.MALFORMED, f"X-Amz-Date must be YYYYMMDDTHHMMSSZ in UTC (got {quoted(timestamp)})."
    )


def _payload(values: Mapping[str, Sequence[str]]) -> str | None:
    """What the header x-amz-content-sha256 says; None when there is none, and the body's hash is to be computed."""
    said = values.get("x-amz-content-sha256")
    if said is None:
        return None
    payload = said[0].strip()
    if len(said) == 1 and (payload == UNSIGNED or _DIGEST.fullmatch(payload)):
        return payload
    if payload.startswith("STREAMING-"):
        raise SignatureRefused(
            Fault.UNSUPPORTED,
            f"x-amz-content-sha256: {quoted(payload)} is not accepted here: sign the body as a whole, or send "
            f"{UNSIGNED}. (boto3 and the AWS CLI do the former at an http:// endpoint; so does Arrow with "
            "AWS_REQUEST_CHECKSUM_CALCULATION=when_required, which jobs have.)",
        )
    raise SignatureRefused(
        Fault.MALFORMED,
        f"x-amz-content-sha256 must be a SHA-256 in hex or {UNSIGNED}, once (got {quoted(payload)}).",
    )


def _no_version_2() -> SignatureRefused:
    return SignatureRefused(
        Fault.UNSUPPORTED,
        "Signature Version 2 is not accepted here: it leaves the body and most of the query open. For presigned "
        'URLs, give boto3.client config=Config(signature_version="s3v4").',
    )


def quoted(text: str) -> str:
    """The beginning of what a request says, as it may stand in a message."""
    return printable(text[:_QUOTED])
