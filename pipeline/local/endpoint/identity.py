"""STS and the few calls of IAM that SageMaker's clients make: this server's own key may do everything."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Callable
from urllib.parse import parse_qs, quote
from xml.sax.saxutils import escape

from pipeline.local.endpoint.names import CALLER
from pipeline.local.endpoint.wire import VALIDATION, ServiceError
from pipeline.local.state.credentials import Credentials
from pipeline.local.state.isolation import ACCOUNT

Form = dict[str, str]
_NAMESPACES = {
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
}
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
# The role's own time, which clients do not ask for but must find.
_MADE = "2026-01-01T00:00:00Z"


def read_form(body: bytes) -> Form:
    """The fields of a form. Raises ServiceError when it is none."""
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=2000)
    except (UnicodeDecodeError, ValueError):
        raise ServiceError("MalformedQueryString", "The body is no form.") from None
    return {name: values[-1] for name, values in fields.items()}


class Identity:
    """The operations of STS and IAM, each answered by the text of its result."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.operations: dict[tuple[str, str], Callable[[Form], str]] = {
            ("sts", "GetCallerIdentity"): self._get_caller_identity,
            ("sts", "AssumeRole"): self._assume_role,
            ("iam", "GetRole"): self._get_role,
            ("iam", "SimulatePrincipalPolicy"): self._simulate_principal_policy,
            ("iam", "ListAccountAliases"): self._list_account_aliases,
        }

    def _get_caller_identity(self, form: Form) -> str:
        return f"<Arn>{CALLER}</Arn><UserId>AROALOCAL:local</UserId><Account>{ACCOUNT}</Account>"

    def _assume_role(self, form: Form) -> str:
        role, session = _field(form, "RoleArn"), _field(form, "RoleSessionName")
        name = role.rpartition("/")[2]
        until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
        key = self._credentials
        return (
            f"<AssumedRoleUser><AssumedRoleId>AROALOCAL:{escape(session)}</AssumedRoleId>"
            f"<Arn>arn:aws:sts::{ACCOUNT}:assumed-role/{escape(name)}/{escape(session)}</Arn></AssumedRoleUser>"
            f"<Credentials><AccessKeyId>{key.access_key}</AccessKeyId>"
            f"<SecretAccessKey>{escape(key.secret_key)}</SecretAccessKey><SessionToken>local</SessionToken>"
            f"<Expiration>{until.strftime('%Y-%m-%dT%H:%M:%SZ')}</Expiration></Credentials>"
        )

    def _get_role(self, form: Form) -> str:
        name = escape(_field(form, "RoleName"))
        return (
            f"<Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>AROALOCAL</RoleId>"
            f"<Arn>arn:aws:iam::{ACCOUNT}:role/{name}</Arn><CreateDate>{_MADE}</CreateDate>"
            f"<AssumeRolePolicyDocument>{quote(json.dumps(_TRUST))}</AssumeRolePolicyDocument></Role>"
        )

    def _simulate_principal_policy(self, form: Form) -> str:
        actions = [value for name, value in form.items() if name.startswith("ActionNames.member.")]
        resource = escape(form.get("ResourceArns.member.1", "*"))
        results = "".join(
            f"<member><EvalActionName>{escape(action)}</EvalActionName><EvalDecision>allowed</EvalDecision>"
            f"<EvalResourceName>{resource}</EvalResourceName></member>"
            for action in actions
        )
        return f"<IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults>"

    def _list_account_aliases(self, form: Form) -> str:
        return "<IsTruncated>false</IsTruncated><AccountAliases><member>local</member></AccountAliases>"


def form_answer(service: str, operation: str, result: str) -> bytes:
    """The document of an answer whose result is the XML `result`."""
    space = f' xmlns="{_NAMESPACES[service]}"' if service in _NAMESPACES else ""
    return (
        f"<{operation}Response{space}><{operation}Result>{result}</{operation}Result>"
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{operation}Response>"
    ).encode()


def form_error(error: ServiceError) -> bytes:
    """The document of an error."""
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(error.code)}</Code>"
        f"<Message>{escape(str(error))}</Message></Error><RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    ).encode()


def _field(form: Form, name: str) -> str:
    if not form.get(name):
        raise ServiceError(VALIDATION, f"1 validation error detected: Value at '{name}' must not be null.")
    return form[name]
