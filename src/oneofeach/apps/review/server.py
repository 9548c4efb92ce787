"""The routes of the review page, and the socket they are served on. Images are named by row; no path is ever taken.

In: a session and its pictures. Out: an ASGI application, or a server on 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from hashlib import sha256
from importlib.resources import files
from typing import Any

import uvicorn
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from oneofeach.apps.review.answers import Answers
from oneofeach.apps.review.choices import Stale
from oneofeach.apps.review.events import Events
from oneofeach.apps.review.pictures import Pictures
from oneofeach.apps.review.security import Door, Guard
from oneofeach.errors import OneOfEachError, Refused, UnreadableImage

TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
FOREVER = "private, max-age=31536000, immutable"


def application(answers: Answers, pictures: Pictures, events: Events, door: Door) -> Guard:
    """The whole page as an ASGI application."""
    parts = _parts()
    tag = sha256(b"".join(parts[name] for name in sorted(parts))).hexdigest()[:16]
    modules = sorted(name for name in parts if name.endswith(".js"))
    template = Environment(autoescape=True).from_string(_read("page.html"))

    async def page(request: Request) -> Response:
        boot = await run_in_threadpool(answers.boot)
        return Response(template.render(boot=boot, parts=f"/page/{tag}", modules=modules), media_type="text/html")

    async def part(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in parts or request.path_params["tag"] != tag:
            raise HTTPException(404)
        return Response(parts[name], media_type=TYPES[name[name.rindex(".") :]], headers={"cache-control": FOREVER})

    async def listen(request: Request) -> Response:
        return StreamingResponse(events.stream(), media_type="text/event-stream")

    async def icon(request: Request) -> Response:
        return Response(parts["icon.svg"], media_type=TYPES[".svg"])

    routes = [
        Route("/", page),
        Route("/page/{tag}/{name}", part),
        Route("/api/events", listen),
        Route("/favicon.ico", icon),
    ]
    routes += [Route(f"/api/{name}", _asked(answer)) for name, answer in answers.questions.items()]
    routes += [Route(f"/api/{name}", _told(answer), methods=["POST"]) for name, answer in answers.orders.items()]
    routes += [Route("/thumbnail/{row:int}/{tag}", _picture(pictures, pictures.small))]
    routes += [Route("/image/{row:int}/{tag}", _picture(pictures, pictures.whole))]
    app = Starlette(routes=routes, exception_handlers={OneOfEachError: _explained, HTTPException: _plain})
    return Guard(app, door)


def _asked(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(answer, dict(request.query_params)))

    return endpoint


def _told(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            body = json.loads(await request.body() or b"{}")
        except (ValueError, RecursionError):
            raise HTTPException(400, "not JSON") from None
        if not isinstance(body, dict):
            raise HTTPException(400, "not a JSON object")
        return JSONResponse(await run_in_threadpool(answer, body))

    return endpoint


def _picture(pictures: Pictures, make: Callable[[int], tuple[bytes, str]]) -> Callable[[Request], Any]:
    """One image, under an address that changes with its content. Few at a time, on half of the cores: answers must not
    wait for pictures, nor the browser for either."""
    few = asyncio.Semaphore(max(1, (os.cpu_count() or 1) // 2))

    async def endpoint(request: Request) -> Response:
        row = request.path_params["row"]
        if row >= len(pictures) or request.path_params["tag"] != pictures.tag(row):
            raise HTTPException(404)
        etag = f'"{pictures.tag(row)}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag, "cache-control": FOREVER})
        async with few:
            if await request.is_disconnected():
                raise HTTPException(410, "nobody waits for it any more")
            data, kind = await run_in_threadpool(make, row)
        # a picture that is opened by itself is shown, and nothing in it can run
        headers = {"etag": etag, "cache-control": FOREVER, "content-security-policy": "default-src 'none'; sandbox"}
        return Response(data, media_type=kind, headers=headers)

    return endpoint


async def _explained(request: Request, error: Exception) -> Response:
    code = 409 if isinstance(error, Stale) else 403 if isinstance(error, Refused) else 422
    code = 410 if isinstance(error, UnreadableImage) else code
    what, _, hint = str(error).partition("\n")
    return JSONResponse({"error": what, "hint": hint}, code)


async def _plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(f"{error.detail}\n", error.status_code, headers=error.headers)


def _parts() -> dict[str, bytes]:
    """What the page may load, by name."""
    folder = files("oneofeach.apps.review").joinpath("page")
    return {part.name: part.read_bytes() for part in folder.iterdir() if part.name.endswith(tuple(TYPES))}


def _read(name: str) -> str:
    return files("oneofeach.apps.review").joinpath("page").joinpath(name).read_text(encoding="utf-8")


class Running:
    """A server on 127.0.0.1. port 0: a free one, picked at random."""

    def __init__(self, app: ASGIApp, events: Events, port: int = 0) -> None:
        # named, for asyncio sends small answers at once only on sockets that say they are TCP; others wait 40 ms
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
            self._socket.listen()  # who opens the link at once waits, and is not turned away
        except OSError as error:
            raise Refused(
                f"Port {port} cannot be used: {error.strerror}\nLeave --port out, or name another one."
            ) from error
        self.port = int(self._socket.getsockname()[1])
        self._events = events
        config = uvicorn.Config(app, log_level="critical", access_log=False, server_header=False, lifespan="off")
        config.timeout_graceful_shutdown = 2
        self._server = uvicorn.Server(config)

    def link(self, token: str) -> str:
        """What a person opens."""
        return f"http://127.0.0.1:{self.port}/?token={token}"

    def run(self) -> None:
        """Serve until interrupted or stopped."""
        self._server.run(sockets=[self._socket])

    def close(self) -> None:
        """Give the port back."""
        self._events.close()
        self._socket.close()

    def stop(self) -> None:
        """Let `run` return; may be called from any thread."""
        self._events.close()
        self._server.should_exit = True
