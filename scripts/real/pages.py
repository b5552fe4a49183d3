"""Pulls all pages of servers that others wrote, and compares every record with their own data: pages.py ABIDE [SERVER…].

Each server is filled by us, or tells what it was filled with, so that what must come is known without abide.
"""

import base64
import csv
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from load import csv_path

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "scripts" / "real" / "pages"
TARGET = ROOT / "target" / "real-pages"
NODE = TARGET / "node"
PYTHON = TARGET / "venv" / "bin" / "python"
LONGEST = 120
"""Seconds after which whatever was started ends by itself, even if nobody is left to end it."""

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
Record = Any


class Failure(Exception):
    """The test could not go on."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def ask(method: str, url: str, body: object = None, fields: dict[str, str] | None = None) -> tuple[dict[str, str], bytes]:
    """One request of ours; the fields and the body of the answer."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", **(fields or {})}
    request = urllib.request.Request(url, data=data, headers=fields, method=method)
    with OPENER.open(request, timeout=20) as answer:
        return dict(answer.headers), answer.read()


@contextmanager
def serving(folder: Path, command: Sequence[str | Path], probe: str) -> Iterator[None]:
    """Runs a server until the block is left; it answers at `probe` when the block begins."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            ["timeout", "--kill-after=5", str(LONGEST), *map(str, command)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        give_up = time.monotonic() + 60
        while True:
            try:
                ask("GET", probe)
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > give_up:
                    raise Failure(f"the server does not answer; what it said is in {folder}/server.log") from None
                time.sleep(0.05)
        yield
    finally:
        # The session is ours alone, so nothing else is ended with it.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def airports() -> list[Record]:
    with csv_path("airports").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:1000]
    return [
        {"id": number, "iata": row["iata"], "name": row["name"], "latitude": row["latitude"]}
        for number, row in enumerate(rows, start=1)
    ]


class Server:
    """A server under test: how it is run, and what is pulled from it."""

    def __init__(self, name: str) -> None:
        self.folder = TARGET / "run" / name
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"

    def file(self, name: str) -> Path:
        """A file of ours with the port in its place."""
        path = self.folder / name
        path.write_text((CODE / name).read_text().replace("@PORT@", str(self.port)))
        return path


Pull = tuple[str, list[str], list[Record]]
"""What is pulled, the flags, and what must come, in this order."""


@contextmanager
def json_server(server: Server) -> Iterator[list[Pull]]:
    """Link: first, prev, next, last; X-Total-Count."""
    rows = airports()
    (server.folder / "db.json").write_text(json.dumps({"airports": rows}))
    command = [NODE / "node_modules/.bin/json-server", "--quiet", "--host", "127.0.0.1", "--port", str(server.port), "db.json"]
    with serving(server.folder, command, server.base + "/airports/1"):
        yield [
            (f"{server.base}/airports?_page=1&_limit=50", [], rows),
            (f"{server.base}/airports?_limit=30", ["--pages", "page=query._page total=header.x-total-count"], rows),
        ]


@contextmanager
def drf(server: Server) -> Iterator[list[Pull]]:
    """next in the body with a count, by page, offset and cursor; 20/s with Retry-After alone."""
    rows = airports()
    (server.folder / "rows.json").write_text(json.dumps(rows))
    command = [PYTHON, CODE / "drf.py", str(server.port), server.folder / "rows.json"]
    with serving(server.folder, command, server.base + "/page/?page=1"):
        ways = ["page/", "offset/", "cursor/", "throttled/?page_size=20"]
        yield [(f"{server.base}/{way}", [], rows) for way in ways]


@contextmanager
def kinto(server: Server) -> Iterator[list[Pull]]:
    """Next-Page, newest first."""
    who = {"Authorization": "Basic " + base64.b64encode(b"ann:secret").decode()}
    with serving(server.folder, [PYTHON.with_name("pserve"), server.file("kinto.ini")], server.base + "/v1/"):
        collection = f"{server.base}/v1/buckets/b/collections/c"
        ask("PUT", f"{server.base}/v1/buckets/b", {}, who)
        ask("PUT", collection, {}, who)
        rows = airports()[:400]
        for start in range(0, len(rows), 100):
            requests = [
                {"method": "PUT", "path": f"/v1/buckets/b/collections/c/records/r{row['id']}", "body": {"data": row | {"id": f"r{row['id']}"}}}
                for row in rows[start : start + 100]
            ]
            ask("POST", f"{server.base}/v1/batch", {"requests": requests}, who)
        _, body = ask("GET", collection + "/records", fields=who)
        stored = json.loads(body)["data"]
        if len(stored) != len(rows):
            raise Failure(f"Kinto took {len(stored)} of {len(rows)} records")
        os.environ["KINTO_PASSWORD"] = "secret"
        yield [(f"{collection}/records?_limit=30", ["--basic", "ann:env:KINTO_PASSWORD"], stored)]


def moved(value: Record, to: str) -> Record:
    """What was recorded as it is served: all of its URLs lead back to the server."""
    match value:
        case dict():
            return {key: moved(inner, to) for key, inner in value.items()}
        case list():
            return [moved(inner, to) for inner in value]
        case str():
            return re.sub(r"https?://([^/]+)/", to, value)
        case _:
            return value


@contextmanager
def octokit(server: Server) -> Iterator[list[Pull]]:
    """GitHub's own pages, whose path changes with the second; each is served once."""
    # Node looks for packages beside the file.
    shutil.copy(CODE / "octokit.mjs", NODE / "octokit.mjs")
    with serving(server.folder, ["node", NODE / "octokit.mjs", str(server.port)], server.base + "/recorded"):
        _, body = ask("POST", server.base + "/fixtures", {"scenario": "paginate-issues"})
        served = json.loads(body)
        _, recorded = ask("GET", server.base + "/recorded")
        issues = moved(json.loads(recorded), rf"{server.base}/\1/{served['id']}/")
        os.environ["OCTOKIT_TOKEN"] = "token 0000000000000000000000000000000000000001"
        flags = ["-H", "Accept: application/vnd.github.v3+json", "--api-key", "header.Authorization=env:OCTOKIT_TOKEN"]
        yield [(f"{served['url']}/repos/octokit-fixture-org/paginate-issues/issues?per_page=3", flags, issues)]


@contextmanager
def docker_registry(server: Server) -> Iterator[list[Pull]]:
    """Link with a path alone."""
    with serving(server.folder, ["docker-registry", "serve", server.file("registry.yml")], server.base + "/v2/"):
        blob = b"{}"
        digest = "sha256:" + hashlib.sha256(blob).hexdigest()
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(blob), "digest": digest}
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}
        names = sorted(f"team{number % 7}/image{number:03}" for number in range(60))
        for name in names:
            fields, _ = ask("POST", f"{server.base}/v2/{name}/blobs/uploads/", b"")
            place = fields["Location"]
            ask("PUT", f"{place}&digest={digest}", blob, {"Content-Type": "application/octet-stream"})
            ask("PUT", f"{server.base}/v2/{name}/manifests/latest", manifest, {"Content-Type": kind})
        yield [(f"{server.base}/v2/_catalog?n=7", ["--records", "repositories"], names)]


SERVERS = {"json-server": json_server, "drf": drf, "kinto": kinto, "octokit": octokit, "docker-registry": docker_registry}


def judge(abide: str, folder: Path, number: int, pull: Pull) -> str | None:
    """Pulls, and says what is wrong with what came."""
    url, flags, expected = pull
    out = folder / f"{number}.ndjson"
    command = [abide, "pull", url, "-o", str(out), *flags]
    environment = os.environ | {"ABIDE_STATE_DIR": str(folder / "state")}
    ran = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST)
    said = ran.stderr.decode(errors="replace").strip()
    (folder / f"{number}.log").write_text(said)
    if ran.returncode != 0:
        return f"abide ended with {ran.returncode}: {said}"
    came = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    if came != expected:
        wrong = next((n for n, pair in enumerate(zip(came, expected)) if pair[0] != pair[1]), min(len(came), len(expected)))
        return f"{len(came)} records came and {len(expected)} are there; the first that differs is number {wrong}"
    print(f"  ok      {len(came)} records, each once and in order: {said.splitlines()[-1]}")
    return None


def main(abide: str, names: list[str]) -> int:
    # So that the servers are stopped too when this is ended from outside.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shutil.rmtree(TARGET / "run", ignore_errors=True)
    failed = 0
    for name in names or list(SERVERS):
        server = Server(name)
        try:
            with SERVERS[name](server) as pulls:
                for number, pull in enumerate(pulls):
                    print(f"{name}: {SERVERS[name].__doc__} {pull[0].removeprefix(server.base)}")
                    why = judge(abide, server.folder, number, pull)
                    if why:
                        failed += 1
                        print(f"  FAILED  {why}")
        except (Failure, OSError, subprocess.TimeoutExpired) as failure:
            failed += 1
            print(f"  FAILED  {name}: {failure}; see {server.folder}")
    print(f"real-pages: {failed} failed" if failed else "real-pages: all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
