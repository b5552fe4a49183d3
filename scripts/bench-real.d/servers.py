"""The servers: what limits whom, what they say about it, and how each is started."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from process import Failure, await_port, free_port, running
from rules import Bucket, FadingCounter, InFlight, Rule, Window

HERE = Path(__file__).resolve().parent / "servers"
SERVICE = 0.2
"""Seconds that an answer takes where requests in flight are limited."""

Start = Callable[[int, Path], list[tuple[int, list[str]]]]
"""What to start for a port and a folder, each with the port on which it listens; the last is the server."""


@dataclass(frozen=True)
class Server:
    name: str
    what: str
    says: str
    rule: Rule
    requests: int
    start: Start
    tick: float = 1.0
    """The unit of time in its log, in seconds."""


@dataclass(frozen=True)
class Answer:
    """A line of a server's log."""

    began: float
    ended: float
    status: int

    @property
    def refused(self) -> bool:
        return self.status in (429, 503)


@contextmanager
def serving(server: Server, port: int, folder: Path) -> Iterator[None]:
    """A server that has counted nothing yet; its log is complete when the block is left."""
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        commands = server.start(port, folder)
        for number, (listens, command) in enumerate(commands, start=1):
            name = "server" if number == len(commands) else "upstream"
            process = stack.enter_context(running(command, folder, name, environment()))
            await_port(listens, process, folder)
        yield


def answers(server: Server, folder: Path) -> list[Answer]:
    """All that it answered."""
    found = []
    for line in (folder / "server.out").read_text().splitlines():
        ended, took, status, uri = line.split()
        if uri.startswith("/items/"):
            end = float(ended) * server.tick
            found.append(Answer(end - float(took) * server.tick, end, int(status)))
    return found


def environment() -> dict[str, str]:
    return {
        "NODE_PATH": os.environ["BENCH_REAL_NODE"],
        "NODE_ENV": "production",
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def program(name: str) -> str:
    """Debian keeps servers in /usr/sbin, which is not on the PATH of an ordinary user."""
    path = f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin"
    found = shutil.which(name, path=path)
    if found is None:
        raise Failure(f"{name} is not installed")
    return found


def fill(name: str, folder: Path, **values: object) -> str:
    text = (HERE / name).read_text()
    for key, value in values.items():
        text = text.replace(f"@{key.upper()}@", str(value))
    target = folder / name
    target.write_text(text)
    return str(target)


def nginx(rule: str, service: float = 0) -> Start:
    def start(port: int, folder: Path) -> list[tuple[int, list[str]]]:
        upstream = free_port()
        config = fill("nginx.conf", folder, port=port, upstream=upstream, rule=rule)
        return [
            (upstream, [program("node"), str(HERE / "upstream.cjs"), str(upstream), str(round(service * 1000))]),
            (port, [program("nginx"), "-p", f"{folder}/", "-c", config, "-e", "stderr"]),
        ]

    return start


def express(says: str) -> Start:
    return lambda port, _: [(port, [program("node"), str(HERE / "express.cjs"), str(port), says])]


def haproxy(port: int, folder: Path) -> list[tuple[int, list[str]]]:
    return [(port, [program("haproxy"), "-db", "-f", fill("haproxy.cfg", folder, port=port)])]


def wsgi(module: str) -> Start:
    """In one thread, since neither limiter counts exactly when two requests come at the same moment."""
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", "1", "--keep-alive", "60"]
    return lambda port, _: [(port, [*command, "--bind", f"127.0.0.1:{port}", f"{module}:application"])]


PACE = "limit_req zone=pace burst=10 nodelay;"
SERVERS = [
    Server("nginx-503", "nginx `limit_req` 20/s burst 10, 503", "nothing", Bucket(20, 10), 200, nginx(PACE)),
    Server(
        "nginx-429",
        "nginx `limit_req` 20/s burst 10, 429",
        "nothing",
        Bucket(20, 10),
        200,
        nginx(f"{PACE} limit_req_status 429;"),
    ),
    Server(
        "nginx-conn",
        "nginx `limit_conn` 4, answers take 200 ms, 503",
        "nothing",
        InFlight(4, SERVICE),
        200,
        nginx("limit_conn busy 4;", SERVICE),
    ),
    Server(
        "express-draft-8",
        "express-rate-limit 50/5s, draft-8",
        "`RateLimit`, `Retry-After`",
        Window(50, 5),
        150,
        express("draft-8"),
    ),
    Server(
        "express-legacy",
        "express-rate-limit 50/5s, legacy",
        "`X-RateLimit-*`, `Retry-After`",
        Window(50, 5),
        150,
        express("legacy"),
    ),
    Server("express-silent", "express-rate-limit 50/5s, silent", "nothing", Window(50, 5), 150, express("silent")),
    Server("haproxy", "haproxy `http_req_rate(5s)` 50, 429", "nothing", FadingCounter(50, 5), 120, haproxy, tick=0.001),
    Server("drf", "Django REST framework 50/5s", "`Retry-After`", Window(50, 5), 150, wsgi("drf")),
    Server("flask-limiter", "Flask-Limiter, moving 50/5s", "nothing", Window(50, 5), 150, wsgi("flask_moving")),
]
