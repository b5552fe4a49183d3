"""Runs every client against every server, several pairs at once, and prints the table: see scripts/bench-real --help."""

import argparse
import shutil
import signal
import sys
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path

import process
from clients import Chain, chains
from measure import Outcome, measure
from process import Failure
from report import commands, table
from servers import SERVERS, Server

Outcomes = dict[tuple[str, str], list[Outcome]]


def arguments() -> argparse.Namespace:
    names = [server.name for server in SERVERS]
    parser = argparse.ArgumentParser(
        "scripts/bench-real", description="abide and others against rate-limited servers on loopback."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"the servers to run, all by default: {', '.join(names)}")
    parser.add_argument("--abide", type=Path, required=True, metavar="FILE", help="the binary [default: target/release/abide]")
    parser.add_argument("--runs", type=positive, default=3, metavar="N", help="of each client [default: %(default)s]")
    parser.add_argument(
        "--at-once", type=positive, default=10, metavar="N", help="pairs of server and client [default: %(default)s]"
    )
    asked = parser.parse_args()
    for name in asked.names:
        if name not in names:
            parser.error(f"there is no server '{name}'; there are {', '.join(names)}")
    return asked


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def run_all(servers: list[Server], each: list[Chain], runs: int, at_once: int, work: Path) -> Outcomes:
    outcomes: Outcomes = defaultdict(list)
    with ThreadPoolExecutor(at_once) as pool:
        try:
            # The last chains take longest, so they go first, and little is left to wait for at the end.
            jobs: dict[Future[list[Outcome]], tuple[Server, Chain]] = {
                pool.submit(measure, server, chain, work / f"{server.name}-{number}-{run}"): (server, chain)
                for number, chain in reversed(list(enumerate(each)))
                for run in range(runs)
                for server in servers
            }
            for done, job in enumerate(as_completed(jobs), start=1):
                server, chain = jobs[job]
                for client, outcome in zip(chain, job.result(), strict=True):
                    outcomes[server.name, client.name].append(outcome)
                    print(f"{done}/{len(jobs)} {server.name}: {client.name}: {outcome}", file=sys.stderr)
        finally:
            # Whatever came up, nothing of ours outlives us; what waits to start finds that it may not.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            process.end_all()
            pool.shutdown(cancel_futures=True)
    return outcomes


def main() -> int:
    asked = arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    servers = [server for server in SERVERS if not asked.names or server.name in asked.names]
    each = chains(str(asked.abide.resolve()))
    work = Path(sys.prefix).parent / "runs"
    shutil.rmtree(work, ignore_errors=True)
    began = time.monotonic()
    try:
        outcomes = run_all(servers, each, asked.runs, asked.at_once, work)
    except KeyboardInterrupt:
        return 130
    except Failure as failure:
        print(f"scripts/bench-real: {failure}.", file=sys.stderr)
        return 1
    clients = [client for chain in each for client in chain]
    print(table(servers, clients, outcomes))
    print(f"\n{commands(servers, clients)}")
    print(f"{time.monotonic() - began:.0f} s; logs and records are in {work}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
