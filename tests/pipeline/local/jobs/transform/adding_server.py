"""A model for tests: answers each row of CSV with the sum of its numbers, and obeys some words in their place.

A row "status N" is answered with that status; "once N" too, but the first time alone; "die" ends the process,
"slow" takes a minute, "empty" has no answer. What each request was is printed.
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import sys
import time
from pathlib import Path

FACTOR = float(Path(os.environ["SM_MODEL_DIR"], "factor").read_text())
WANTED = os.environ.get("WANTED_PARAMETERS", "")
seen: set[str] = set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/execution-parameters" and WANTED:
            self._send(200, WANTED)
        else:
            self._send(200 if self.path == "/ping" else 404, "")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        kinds = [self.headers.get("Content-Type"), self.headers.get("Accept")]
        # In one piece: requests are answered side by side.
        os.write(1, f"asked {json.dumps([body, *kinds])}\n".encode())
        sums = []
        for row in body.splitlines():
            word, _, number = row.partition(" ")
            if word == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            elif word == "end":
                os._exit(0)
            elif word == "slow":
                time.sleep(60)
            elif word == "status" or (word == "once" and row not in seen):
                seen.add(row)
                self._send(int(number), f"refused {row}")
                return
            elif word != "empty":
                sums.append("0" if word == "once" else f"{FACTOR * sum(map(float, row.split(','))):g}")
        self._send(200, "\n".join(sums))

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _send(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    given = {name: value for name, value in os.environ.items() if name.startswith("SAGEMAKER_")}
    print("serving", json.dumps({**given, "SAGEMAKER_BIND_TO_PORT": ""}, sort_keys=True), flush=True)
    address = ("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
    try:
        http.server.ThreadingHTTPServer(address, Handler).serve_forever()
    except KeyboardInterrupt:
        sys.exit(1)
