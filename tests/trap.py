"""What a user may have set that leads AWS clients elsewhere, and a server at its end that must receive nothing."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path

REAL_KEY = "AKIAIOSFODNN7EXAMPLE"


class Trap:
    """A server that everything a user may have set leads to; it must receive nothing."""

    def __init__(self) -> None:
        self.received: list[str] = []
        received = self.received

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                received.append(f"{self.command} {self.path} {self.headers.get('Authorization')}")
                self.send_response(403)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_CONNECT = answer  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def surroundings(trap: Trap, folder: Path, profile: str) -> dict[str, str]:
    """A user's environment with everything that has ever led boto3 somewhere, and files to match in `folder`."""
    aws = folder / ".aws"
    aws.mkdir()
    used = folder / "credential-process-was-run"
    for section in ("default", "profile prod"):
        with (aws / "config").open("a") as file:
            file.write(f"[{section}]\nregion = eu-west-1\nendpoint_url = {trap.url}\nservices = all\n")
            file.write(
                f"ca_bundle = /nowhere\ncredential_process = touch {used}\ns3 =\n  addressing_style = virtual\n"
            )
    with (aws / "config").open("a") as file:
        file.write(f"[services all]\ns3 =\n  endpoint_url = {trap.url}\n")
    (aws / "credentials").write_text(
        f"[default]\naws_access_key_id = {REAL_KEY}\naws_secret_access_key = real\n"
    )
    (folder / ".boto").write_text(
        f"[Credentials]\naws_access_key_id = {REAL_KEY}\naws_secret_access_key = real\n"
    )
    return {
        "HOME": str(folder),
        "AWS_ACCESS_KEY_ID": REAL_KEY,
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AWS_SESSION_TOKEN": "a-real-session-token",
        "AWS_PROFILE": profile,
        "AWS_DEFAULT_PROFILE": profile,
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": trap.url,
        "AWS_ENDPOINT_URL_S3": trap.url,
        "AWS_ENDPOINT_URL_STS": trap.url,
        "AWS_ENDPOINT_URL_SAGEMAKER": trap.url,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_CA_BUNDLE": str(folder / "no-such-bundle.pem"),
        "AWS_CONFIG_FILE": str(aws / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(aws / "credentials"),
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(aws / "credentials"),
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/prod",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{trap.url}/credentials",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": trap.url,
        "BOTO_CONFIG": str(folder / ".boto"),
        "HTTP_PROXY": trap.url,
        "HTTPS_PROXY": trap.url,
        "ALL_PROXY": trap.url,
        "http_proxy": trap.url,
        "https_proxy": trap.url,
    }
