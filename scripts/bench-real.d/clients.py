"""The clients: what each is run with, and what it kept."""

import json
import sys
from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Command = Callable[[str, str, str], list[str]]
"""From the URL before the number, the number of records, and the limit. It writes into the folder `out` where it runs."""

REQUESTS = str(Path(__file__).resolve().parent / "requests_retry.py")


@dataclass(frozen=True)
class Client:
    name: str
    command: Command


Chain = tuple[Client, ...]
"""Clients that run one after the other against the same port, with the state that the one before left."""


def abide(program: str, *, told: bool) -> Command:
    def command(prefix: str, count: str, limit: str) -> list[str]:
        telling = ["--limit", limit] if told else []
        return [program, "pull", f"{prefix}{{1..{count}}}", "-o", "out/items.ndjson", "-q", *telling]

    return command


def curl(*flags: str) -> Command:
    def command(prefix: str, count: str, _: str) -> list[str]:
        fixed = ["curl", "--disable", "--silent", "--show-error", "--fail", "--retry", "10", *flags]
        return [*fixed, "--output", "out/#1.json", f"{prefix}[1-{count}]"]

    return command


def requests(prefix: str, count: str, _: str) -> list[str]:
    return [sys.executable, REQUESTS, prefix, count, "out/items.ndjson"]


def chains(program: str) -> list[Chain]:
    """In the order of the table."""
    blind = abide(program, told=False)
    return [
        (Client("abide, told", abide(program, told=True)),),
        (Client("abide, first run", blind), Client("abide, second run", blind)),
        (Client("curl --retry 10", curl()),),
        (Client("curl --retry 10, 8 in parallel", curl("--parallel", "--parallel-max", "8")),),
        (Client("requests + Retry(5), 8 threads", requests),),
    ]


def kept(out: Path) -> Tally[int]:
    """How often each record is there. What is no record counts for nothing, so that it is missed."""
    found: Tally[int] = Tally()
    for file in out.iterdir():
        if file.suffix not in (".json", ".ndjson", ".part"):
            continue
        for line in file.read_text().splitlines():
            try:
                found[json.loads(line)["id"]] += 1
            except (ValueError, TypeError, KeyError):
                continue
    return found
