"""The one boundary to AWS: whose account and region, and clients for it. Tests hand in clients of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipeline.errors import CredentialsError
from pipeline.targets.aws.answers import guard
from pipeline.targets.aws.aws_errors import AWS_ERRORS, NAME_A_REGION, SIGN_IN, translate_errors

# Adaptive: after it was throttled a client slows down by itself.
ATTEMPTS = 10
CONNECT_SECONDS, READ_SECONDS = 10, 60
OPENING_SECONDS = 20  # for an answer to the first request
CREDENTIALS_SECONDS = 120.0  # long enough to sign in with a browser


@dataclass(frozen=True)
class Account:
    """An account in a region. `client` makes a boto3 client of a service, in that region or another.

    `session` is the boto3 session, for the SDK. `region_name` and `alias` are names for people; `domain` is the DNS
    suffix of the region; `price_regions` are where its partition answers about prices.
    """

    id: str
    region: str
    partition: str
    caller: str
    client: Callable[..., Any]
    session: Any = None
    region_name: str = ""
    alias: str = ""
    domain: str = "amazonaws.com"
    price_regions: Sequence[str] = ()

    def __str__(self) -> str:
        name = f"{self.alias} ({self.id})" if self.alias else self.id
        region = f"{self.region} ({self.region_name})" if self.region_name else self.region
        return f"account {name}, region {region}, as {self.caller.rpartition(':')[2]}"


def open_account(environ: Mapping[str, str]) -> Account:
    """The account that this machine's credentials are for, in the region that its settings name.

    AWS_REGION goes first, as in AWS's other tools; boto3 itself knows only AWS_DEFAULT_REGION.

    Raises:
        CredentialsError: there are no credentials, or they are not accepted; or no region is set anywhere.
        AwsError: AWS cannot be reached.
    """
    import boto3
    from botocore.config import Config

    doing = "Opening the AWS account"
    with translate_errors(doing):
        session = guard(boto3.Session(region_name=environ.get("AWS_REGION") or None))
        region = session.region_name
        if not region:
            raise CredentialsError(f"{doing}: {_what_is_missing(session)}")
        patient = Config(
            retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
        )
        with _odd_settings(doing):
            find_credentials(session)
            brief = patient.merge(Config(read_timeout=OPENING_SECONDS))
            identity = session.client("sts", config=brief).get_caller_identity()
            account, caller = str(identity["Account"]), str(identity["Arn"])
        partition = session.get_partition_for_region(region)
    clients: dict[tuple[str, str], Any] = {}
    lock = threading.Lock()

    def client(service: str, where: str = region) -> Any:
        # Making clients is not safe between threads; using them is.
        doing = f"Preparing to call {service}"
        with lock, translate_errors(doing), _odd_settings(doing):
            if (service, where) not in clients:
                clients[service, where] = session.client(service, region_name=where, config=patient)
            return clients[service, where]

    known: Mapping[str, Any] = next(
        (
            each
            for each in session._session.get_data("endpoints")["partitions"]
            if each["partition"] == partition
        ),
        {},
    )
    return Account(
        id=account,
        region=region,
        partition=partition,
        caller=caller,
        client=client,
        session=session,
        region_name=known.get("regions", {}).get(region, {}).get("description", ""),
        alias=find_alias(client),
        domain=known.get("dnsSuffix", "amazonaws.com"),
        price_regions=session.get_available_regions("pricing", partition_name=partition),
    )


def find_credentials(session: Any, patience: float = CREDENTIALS_SECONDS) -> None:
    """Asks for the session's credentials once; a program (credential_process) gives them, or nothing does.

    Raises:
        CredentialsError: the program takes longer than `patience` seconds; botocore would wait for ever.
        Exception: whatever botocore trips over in its answer.
    """
    ended: list[Exception | None] = []

    def ask() -> None:
        try:
            found = session.get_credentials()
            if found is not None:
                found.get_frozen_credentials()
        except Exception as error:
            ended.append(error)
        else:
            ended.append(None)

    # A daemon: the process may end while the program still hangs.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(patience)
    if not ended:
        raise CredentialsError(
            f"The AWS credentials did not come within {patience:.0f} s: the program that provides them hangs. Run "
            "the credential_process of ~/.aws/config by hand."
        )
    if ended[0] is not None:
        raise ended[0]


@contextmanager
def _odd_settings(doing: str) -> Iterator[None]:
    """Turns what botocore raises of settings and answers that it did not foresee into words."""
    try:
        yield
    except AWS_ERRORS:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CredentialsError(
            f"{doing}: the settings or what answered cannot be used ({type(error).__name__}: {error}). Look at "
            "AWS_ENDPOINT_URL, AWS_REGION, and at credential_process in ~/.aws/config."
        ) from error


def _what_is_missing(session: Any) -> str:
    """What to say when no region is set: perhaps the credentials are missing, too."""
    missing = "no region is set: there is none in AWS_REGION, AWS_DEFAULT_REGION or the profile. "
    if session.get_credentials() is None:
        missing = f"there are no credentials, and no region is set. {SIGN_IN} "
    return missing + NAME_A_REGION


def find_alias(client: Callable[..., Any]) -> str:
    """The account's name; "" when it has none, or when these credentials may not read it."""

    try:
        aliases = client("iam").list_account_aliases()["AccountAliases"]
    except AWS_ERRORS:
        return ""
    return aliases[0] if aliases else ""
