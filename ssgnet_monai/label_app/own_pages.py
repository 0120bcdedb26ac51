"""MONAI Label's web application for this machine's own pages: uvicorn serves it in place of ``monailabel.app:app``.

MONAI Label lets a page of any origin ask; with its own setting for that (MONAI_LABEL_CORS_ORIGINS) 0.8.5 cannot start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from monailabel.app import app as monai_label
from monailabel.interfaces.utils.app import app_instance
from starlette.requests import Request
from starlette.responses import JSONResponse

from ssgnet_monai.label_app.requests import SESSION, check_query, check_tag
from ssgnet_monai.label_app.server import LOCAL, LOCAL_ALONE, PUBLIC

Message = MutableMapping[str, Any]
NAMES = ("image", "id", "label", "tag", "session_id")
"""Words of a query that name a study, a label, a tag or an upload."""
CLOSED = {
    ("PUT", "model"): "Expected no request to replace a model: copy its file into models/ of the bundle yourself.",
    ("DELETE", "model"): "Expected no request to delete a model: move its file out of the bundle yourself.",
    ("POST", "reload"): "Expected no request to load the app again: stop the server with Ctrl-C and start it again.",
}
PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>MONAI Label</title>
<h1>MONAI Label is running</h1><p>Type this page's address into the module MONAI Label of 3D Slicer.</p>
<ul><li><a href="/info/">models and studies</a><li><a href="/logs/?lines=300">the log's last lines</a>
<li><a href="/openapi.json">what can be asked, in OpenAPI's form</a></ul></html>"""
"""In place of pages that would load their scripts from elsewhere."""
LARGEST = 1_000_000
"""Bytes of a request to train."""


class OwnPages:
    """Refuses (403) what a browser sends from a page of another origin, and (400) what names a path.

    Where the server listens on this machine alone, so is what was sent to another name: a page whose name was turned to
    127.0.0.1. 3D Slicer is no browser and names no origin.

    Args:
        app: an ASGI application.
        local: whether the server listens on this machine alone.
        public: origin by which a proxy is reached that passes requests on; empty: there is none.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], local: bool, public: str) -> None:
        self.app, self.local, self.public = app, local, urlsplit(public).netloc

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer a request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if not self._own(dict(scope["headers"])):
            await _answer(send, 403, b"text/plain", b"Expected a request of this server's own pages.")
            return
        if scope["type"] == "http":
            try:
                receive = await _checked(scope, receive)
            except ValueError as error:
                await _answer(send, 400, b"application/json", json.dumps({"detail": str(error)}).encode())
                return
            if scope["method"] in ("GET", "HEAD") and scope["path"] in ("/", "/docs"):
                await _answer(send, 200, b"text/html", PAGE)
                return
        await self.app(scope, receive, send)

    def _own(self, headers: dict[bytes, bytes]) -> bool:
        host = headers.get(b"host", b"").decode("latin-1")
        origin = headers.get(b"origin")
        if self.local and host != self.public and urlsplit(f"//{host}").hostname not in LOCAL:
            return False
        if headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):  # a page's picture has no origin
            return False
        return origin is None or urlsplit(origin.decode("latin-1")).netloc in {host, self.public} - {""}


async def _answer(send: Callable[[Message], Awaitable[None]], status: int, kind: bytes, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": body})


async def _checked(scope: Message, receive: Callable[[], Awaitable[Message]]) -> Callable[[], Awaitable[Message]]:
    """Refuse paths, whatever their encoding, and what this server does not do.

    Raises:
        ValueError: what was expected.
    """
    method, path = scope["method"], scope["path"]
    parts = path.split("/")[1:]
    if (
        any(character in path for character in "\\\0")
        or ".." in parts
        or "%2e" in path.lower()
        or "%2f" in path.lower()
    ):
        raise ValueError(f"Expected a path without '..', backslashes and encoded ones, got {path[:80]!r}.")
    if refusal := CLOSED.get((method, parts[0])):
        raise ValueError(refusal)
    if parts[0] == "proxy" and not os.environ.get("MONAI_LABEL_STUDIES", "").startswith(("http://", "https://")):
        raise ValueError("Expected a DICOMweb server as studies to pass requests on to, got a folder.")
    if parts[0] == "session" and len(parts) > 1 and parts[1] and not SESSION.fullmatch(parts[1]):
        raise ValueError(f"Expected the name of an upload's session, got {parts[1][:80]!r}.")
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    for name, value in query:
        if name in NAMES:
            check_query(name, value)
        if name == "tag" and value:
            check_tag(value)
        if name == "session_id" and value and not SESSION.fullmatch(value):
            raise ValueError(f"Expected the name of an upload's session, got {value[:80]!r}.")
        if name == "uncompress" and value.lower() not in ("", "0", "false", "no", "off", "f", "n"):
            raise ValueError("Expected a picture or a volume, got an archive to unpack. Upload the image itself.")
    if parts[0] == "logs":  # as a page it would load scripts from elsewhere
        scope["query_string"] += b"&html=false"
    if method == "POST" and parts[0] == "train":
        return await _checked_training(parts[1] if len(parts) > 1 else "", scope, receive)
    return receive


async def _checked_training(
    model: str, scope: Message, receive: Callable[[], Awaitable[Message]]
) -> Callable[[], Awaitable[Message]]:
    body = b""
    async for block in Request(scope, receive).stream():
        body += block
        if len(body) > LARGEST:
            raise ValueError(f"Expected settings of a training, got more than {LARGEST} bytes.")
    settings = json.loads(body or b"{}") or {}
    if not isinstance(settings, dict):
        raise ValueError(f"Expected settings of a training by name, got {type(settings).__name__}.")
    app_instance().check_training(model, settings)

    async def again() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def tell(request: Request, error: Exception) -> JSONResponse:
    """The reason in place of a bare "Internal Server Error": 3D Slicer shows the answer's text."""
    known = isinstance(error, ValueError | FileNotFoundError) or hasattr(error, "msg")
    reason = getattr(error, "msg", "") or str(error) or type(error).__name__
    return JSONResponse({"detail": str(reason)}, 400 if known else 500)


monai_label.add_exception_handler(Exception, tell)
app = OwnPages(monai_label, LOCAL_ALONE in os.environ, os.environ.get(PUBLIC, ""))
