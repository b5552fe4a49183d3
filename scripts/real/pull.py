"""Pulls a table through a limit that is never mentioned, kills the pull half way, runs it again: pull.py ABIDE.

What came of it is judged from outside: the rows against the CSV file that the table was made from, the requests against
the log of nginx. The limit makes a whole pull take about four seconds, so that half way can be seen and hit.
"""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from load import csv_path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "real-pull"
API = WORK / "api"
OUT = WORK / "seattle-temps.ndjson"
PART = OUT.with_name(OUT.name + ".part")

TABLE = "seattle-temps"
PAGE = 100
ROWS = 8759
PAGES = 88
SECONDS = 120
"""How long one run of abide may take; the limit makes it about four."""


class Failure(Exception):
    """The test could not go on."""


class Request(NamedTuple):
    """One line of nginx's log."""

    status: int
    uri: str
    upstream: str

    @property
    def refused(self) -> bool:
        return self.status == 503 and self.upstream == "-"

    @property
    def first_row(self) -> int:
        """The row after which the page starts."""
        return int(parse_qs(urlsplit(self.uri).query).get("_next", ["0"])[0])


def requests() -> list[Request]:
    """All that nginx has answered so far."""
    # A line that is being written has no end yet.
    lines = [line for line in (API / "access.log").read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [Request(int(status), uri, upstream) for _, status, uri, upstream in map(str.split, lines)]


def real_api(*arguments: str) -> None:
    environment = os.environ | {"REAL_API_DIR": str(API)}
    command = [ROOT / "scripts" / "real-api", *arguments]
    code = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL).returncode
    if code != 0:
        raise Failure(f"scripts/real-api {arguments[0]} ended with {code}; see {API}")


class Pull:
    """One run of `abide pull`; leaving the block ends it."""

    def __init__(self, abide: str, url: str, name: str) -> None:
        self.log = WORK / f"{name}.log"
        # What is learned about the API must come from this test, and must not stay in the user's own files.
        environment = os.environ | {"ABIDE_STATE_DIR": str(WORK / "state")}
        with self.log.open("wb") as log:
            command = [abide, "pull", url, "-o", str(OUT)]
            self.process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def __enter__(self) -> "Pull":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def kill_after(self, pages: int) -> None:
        """Kills the run once that many pages were served."""
        give_up = time.monotonic() + SECONDS
        while sum(request.status == 200 for request in requests()) < pages:
            if self.process.poll() is not None:
                raise self.failure(f"ended by itself with {self.process.returncode} before page {pages} was fetched")
            if time.monotonic() > give_up:
                raise self.failure(f"did not fetch page {pages} within {SECONDS} s")
            time.sleep(0.01)
        self.process.send_signal(signal.SIGKILL)
        if self.process.wait() != -signal.SIGKILL:
            raise self.failure(f"ended with {self.process.returncode} before it could be killed")

    def finish(self) -> None:
        """Waits for the run to end well."""
        try:
            code = self.process.wait(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise self.failure(f"did not end within {SECONDS} s") from None
        if code != 0:
            raise self.failure(f"ended with {code}")

    def failure(self, what: str) -> Failure:
        """What happened, and the last that abide said about it."""
        said = self.log.read_text(errors="replace").splitlines()[-5:]
        return Failure("\n          | ".join([f"abide {what}; all that it said is in {self.log}", *said]))


class Verdict:
    """What held and what did not, printed as it is found."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def check(self, holds: bool, claim: str, found: object) -> None:
        if holds:
            self.passed += 1
            print(f"  ok      {claim}: {found}")
        else:
            self.failed += 1
            print(f"  FAILED  {claim}: {found}")


def expected_rows() -> list[dict[str, object]]:
    """What the file must hold: the CSV file's rows, numbered as SQLite numbers them."""
    with csv_path(TABLE).open(newline="", encoding="utf-8") as file:
        return [
            {"rowid": number, "date": row["date"], "temp": Decimal(row["temp"])}
            for number, row in enumerate(csv.DictReader(file), start=1)
        ]


def judge_rows(verdict: Verdict) -> None:
    text = OUT.read_text(encoding="utf-8")
    rows = [json.loads(line, parse_float=Decimal) for line in text.splitlines()]
    expected = expected_rows()
    different = [n for n, (got, want) in enumerate(zip(rows, expected), start=1) if got != want]
    numbers = Counter(row.get("rowid") for row in rows)

    verdict.check(len(rows) == len(expected) == ROWS, f"{ROWS} rows", len(rows))
    verdict.check(text.endswith("\n"), "the last line is whole", repr(text[-1:]))
    verdict.check(not different, "each row is the CSV file's, in its order", f"{len(different)} differ, first {different[:5]}")
    verdict.check(max(numbers.values()) == 1, "no row twice", f"{sum(numbers.values()) - len(numbers)} repeated")


def judge_requests(verdict: Verdict, log: list[Request]) -> None:
    statuses = Counter(request.status for request in log)
    refused = sum(request.refused for request in log)
    served = {request.first_row for request in log if request.status == 200}
    # 499 is a request whose sender was killed before the answer: datasette was asked, so it counts as fetched.
    again = len(log) - refused - PAGES

    verdict.check(set(statuses) <= {200, 499, 503}, "nothing but pages and refusals", dict(statuses))
    verdict.check(served == set(range(0, ROWS, PAGE)), f"all {PAGES} pages came through the limit", len(served))
    verdict.check(refused >= 1, "the limit was met", f"{refused} refused")
    verdict.check(0 <= again <= 1, "at most one page was fetched again", again)


def test(abide: str, verdict: Verdict) -> None:
    url = (API / "url").read_text().strip() + f"/weather/{TABLE}.json?_size={PAGE}"

    with Pull(abide, url, "killed") as pull:
        pull.kill_after(PAGES // 2)
    verdict.check(PART.exists() and not OUT.exists(), "killed half way, only the unfinished file is there", PART.name)
    before = len(requests())

    with Pull(abide, url, "resumed") as pull:
        pull.finish()
    log = requests()
    verdict.check(OUT.exists() and not PART.exists(), "run again, it is complete", OUT.name)
    verdict.check(before < len(log), "the second run did the rest", f"{before} requests, then {len(log) - before}")

    with Pull(abide, url, "complete") as pull:
        pull.finish()
    verdict.check(requests() == log, "run once more, it asks for nothing", f"{len(requests()) - len(log)} requests")

    judge_rows(verdict)
    judge_requests(verdict, log)


def main(abide: str) -> int:
    # So that the servers are stopped too when this is ended from outside.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if WORK.exists():
        real_api("stop")
        shutil.rmtree(WORK)
    WORK.mkdir(parents=True)
    print(f"pulling {ROWS} rows in {PAGES} pages with {abide}")
    verdict = Verdict()
    try:
        real_api("start", "--port", "0")
        test(abide, verdict)
    except Failure as failure:
        verdict.failed += 1
        print(f"  FAILED  {failure}")
    except KeyboardInterrupt:
        return 130
    finally:
        real_api("stop")
    if verdict.failed:
        print(f"what abide said, what it wrote and what nginx logged is in {WORK}")
    print(f"real-pull: {verdict.passed} passed, {verdict.failed} failed")
    return 1 if verdict.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
