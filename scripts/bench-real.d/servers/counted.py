"""Notes on stdout when each answer of a WSGI application ended, how long it took, and what was answered to what."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


def counted(application: Application) -> Application:
    def wrapped(environ: Environ, start_response: Callable[..., Any]) -> list[bytes]:
        began = time.time()
        status = "-"

        def start(line: str, *rest: Any) -> Any:
            nonlocal status
            status = line.split()[0]
            return start_response(line, *rest)

        body = list(application(environ, start))
        ended = time.time()
        os.write(1, f"{ended:.4f} {ended - began:.4f} {status} {environ['PATH_INFO']}\n".encode())
        return body

    return wrapped
