"""MONAI Label's web application for this machine's own pages: uvicorn serves it in place of ``monailabel.app:app``.

MONAI Label lets a page of any origin ask; with its own setting for that (MONAI_LABEL_CORS_ORIGINS) 0.8.5 cannot start.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from monailabel.app import app as monai_label

from ssgnet_monai.label_app.server import LOCAL, LOCAL_ALONE, PUBLIC

Message = MutableMapping[str, Any]


class OwnPages:
    """Refuses (403) what a browser sends from a page of another origin.

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
        if scope["type"] in ("http", "websocket") and not self._own(dict(scope["headers"])):
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"Expected a request of this server's own pages."})
            return
        await self.app(scope, receive, send)

    def _own(self, headers: dict[bytes, bytes]) -> bool:
        host = headers.get(b"host", b"").decode("latin-1")
        origin = headers.get(b"origin")
        if self.local and host != self.public and urlsplit(f"//{host}").hostname not in LOCAL:
            return False
        return origin is None or urlsplit(origin.decode("latin-1")).netloc in {host, self.public} - {""}


app = OwnPages(monai_label, LOCAL_ALONE in os.environ, os.environ.get(PUBLIC, ""))
