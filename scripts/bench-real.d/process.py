"""Starts the servers and clients, and ends every one of them whatever happens to us."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

LONGEST = 150
"""Seconds after which whatever was started ends by itself, even if nobody is left to end it."""

_lock = threading.Lock()
_running: set[subprocess.Popen[bytes]] = set()
_ended = threading.Event()
_last_port = 20_000


class Failure(Exception):
    """The benchmark could not go on."""


class Stopped(Failure):
    """It was told to end."""


@contextmanager
def running(
    command: Sequence[str], folder: Path, name: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Starts a program; leaving the block ends it. What it writes is in NAME.out and NAME.err."""
    # Another session than ours: Ctrl-C reaches us alone, and all that it starts is ended with it.
    with (folder / f"{name}.out").open("wb") as out, (folder / f"{name}.err").open("wb") as err, _lock:
        if _ended.is_set():
            raise Stopped
        process = subprocess.Popen(
            ["timeout", "--kill-after=5", str(LONGEST), *command],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        _running.add(process)
    try:
        yield process
    finally:
        _end(process)


def end_all() -> None:
    """Ends what runs, and lets nothing start any more."""
    with _lock:
        _ended.set()
        left = list(_running)
    for process in left:
        _signal(process, signal.SIGTERM)
    for process in left:
        _end(process)


def rest(seconds: float) -> None:
    if _ended.wait(seconds):
        raise Stopped


def free_port() -> int:
    """A port that nobody has, below those that outgoing connections are given."""
    global _last_port
    with _lock:
        while _last_port < 32_000:
            _last_port += 1
            try:
                socket.create_server(("127.0.0.1", _last_port)).close()
            except OSError:
                continue
            return _last_port
    raise Failure("no port from 20001 to 32000 is free")


def await_port(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Waits until somebody listens; connects, but asks for nothing, so that no limit is spent."""
    give_up = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            rest(0.02)
        else:
            return
    if _ended.is_set():
        raise Stopped
    raise Failure(f"a server does not listen on port {port}; what it said is in {folder}")


def _end(process: subprocess.Popen[bytes]) -> None:
    _signal(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
    # A worker may outlive the one that led it.
    _signal(process, signal.SIGKILL)
    process.wait()
    with _lock:
        _running.discard(process)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
