"""A server in a thread that hands out one file, with the faults that real servers have."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Serves ``content`` at every path.

    Args:
        content: the bytes.
        tag: the ETag; it changes with the file.
        cut: bytes of each answer's body after which the connection breaks, one entry an answer; then no more cuts.
        ranges: whether ``Range`` is honoured.
        status: of all answers, instead of 200.
        location: answer with a redirect to this address.
    """

    daemon_threads = True

    def __init__(self, content, *, tag='"1"', cut=(), ranges=True, status=200, location=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content, self.tag, self.cut, self.ranges = content, tag, list(cut), ranges
        self.status, self.location = status, location
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file"


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        status, start = server.status, 0
        if wanted and server.ranges and self.headers.get("If-Range") == server.tag:
            status, start = 206, int(wanted.removeprefix("bytes=").removesuffix("-"))
        if server.location:
            status = 302
        body = server.content[start:] if start <= len(server.content) else b""
        if status == 206 and not body:
            status = 416
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (("ETag", server.tag), ("Location", server.location)):
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: server.cut.pop(0)] if server.cut else body)
        self.close_connection = True

    def log_message(self, *words):
        pass


@contextmanager
def serving(content: bytes, **faults) -> Iterator[FileServer]:
    with FileServer(content, **faults) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
