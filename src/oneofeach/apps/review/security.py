"""The guard before every route: loopback names only, same origin only, a cookie that one link can be turned into.

Sources: OWASP on CSRF and DNS rebinding; fetch metadata (https://www.w3.org/TR/fetch-metadata/).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), clipboard-read=()",
}
CLOSED = "Open the link that `oneofeach review` printed in the terminal.\n"
USED = "This link was used before. A new one is printed in the terminal.\n"
HIGHEST_BODY = 1_000_000  # bytes of a request


class Door:
    """Links that open the page once each, and the cookie they are turned into.

    announce: called with a new token when somebody comes with one that was good once.
    """

    def __init__(self, announce: Callable[[str], None] = lambda token: None) -> None:
        self.cookie = f"oneofeach-{secrets.token_hex(4)}"
        self._secret = secrets.token_urlsafe(32)
        self._open: set[str] = set()
        self._used: set[str] = set()
        self._announce = announce

    def token(self) -> str:
        """A new one-time token."""
        token = secrets.token_urlsafe(24)
        self._open.add(token)
        return token

    def admits(self, request: Request) -> bool:
        return hmac.compare_digest(request.cookies.get(self.cookie, "").encode(), self._secret.encode())

    def redeem(self, token: str) -> Response:
        """The page that stores the cookie and goes on without the token; refused when the token is not good."""
        if token not in self._open:
            known = token in self._used
            if known:
                self._used.discard(token)
                self._announce(self.token())
            return PlainTextResponse(USED if known else CLOSED, 403)
        self._open.discard(token)
        self._used.add(token)
        # not a redirect: a browser sends a strict cookie only when our own page asks for the next one
        response = Response("", headers={"refresh": "0; url=/"}, media_type="text/html")
        response.set_cookie(self.cookie, self._secret, httponly=True, samesite="strict", path="/")
        return response


class Guard:
    """ASGI middleware: refuses what does not come from the page itself, and puts the headers on every answer."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        request = Request(scope, receive)
        refusal = self._refusal(request)
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a request that is not let in; None for one that is."""
        if reason := _foreign(request.headers, request.method):
            return PlainTextResponse(reason, 403)
        if self._door.admits(request):
            site = request.headers.get("sec-fetch-site", "none")
            opens_page = request.url.path == "/" and request.method == "GET"
            if site in ("same-origin", "none") or opens_page:
                return None
            return PlainTextResponse("Asked for by another site.\n", 403)
        if request.url.path == "/" and request.method == "GET" and "token" in request.query_params:
            return self._door.redeem(request.query_params["token"])
        return PlainTextResponse(CLOSED, 403)


def _foreign(headers: Headers, method: str) -> str:
    """Why a request cannot come from the page; empty when it can. Any port will do: there may be a tunnel."""
    host = headers.get("host", "")
    name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
    if name.lower() not in LOOPBACK:
        return "Open the page as 127.0.0.1 or localhost, through a tunnel if it runs elsewhere.\n"
    origin = headers.get("origin")
    if (method not in ("GET", "HEAD") or origin is not None) and origin != f"http://{host}":
        return "Asked for by another site.\n"
    length = headers.get("content-length", "0")
    fits = length.isdecimal() and len(length) < 10 and int(length) <= HIGHEST_BODY
    return "" if fits and "transfer-encoding" not in headers else "Too large.\n"
