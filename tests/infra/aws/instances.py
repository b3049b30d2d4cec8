"""EC2 instances as far as our code sees them: the metadata service that hands out a role, and a process of a host."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from unittest import mock

TOKEN = "token-of-imdsv2"
CREDENTIALS = "/latest/meta-data/iam/security-credentials"
PLACEMENT = "/latest/meta-data/placement"
SECONDS = 300


@contextmanager
def metadata_service(
    role: str, credentials: dict[str, Any], region: str, address: tuple[str, int] = ("127.0.0.1", 0)
) -> Iterator[str]:
    """The address of a metadata service that gives the credentials of a role; as version 2, only to who has a token."""
    answers = {
        CREDENTIALS: role,
        f"{CREDENTIALS}/{role}": json.dumps(credentials),
        f"{PLACEMENT}/region": region,
        f"{PLACEMENT}/availability-zone": f"{region}a",
    }

    class Answer(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.answer(200 if self.path == "/latest/api/token" else 404, TOKEN)

        def do_GET(self) -> None:
            if self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
                self.answer(401, "")
            else:
                text = answers.get(self.path.rstrip("/"))
                self.answer(200 if text else 404, text or "")

        def answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("X-aws-ec2-metadata-token-ttl-seconds", "21600")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(address, Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{address[0]}:{server.server_port}"
        server.shutdown()
        thread.join()


@contextmanager
def process_with(environment: dict[str, str]) -> Iterator[Callable[..., Any]]:
    """A function that calls functions in another process, which has this environment and no other.

    SDKs read their environment once, and the process of the tests has read another.
    """
    with mock.patch.dict(os.environ, environment, clear=True):
        pool = multiprocessing.get_context("spawn").Pool(1)
    try:
        yield lambda function, *arguments: pool.apply_async(function, arguments).get(SECONDS)
    finally:
        pool.terminate()
        pool.join()
