"""Measures one chain of clients against one server, by the server's log and the records that were kept."""

import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clients import Chain, Client, kept
from process import Failure, free_port, rest, running
from servers import Server, answers, serving

LONGEST = 120
"""Seconds that one client may take."""


@dataclass(frozen=True)
class Outcome:
    time: float
    """From the arrival of the first request to the end of the last answer that was no refusal."""
    requests: int
    refused: int
    lost: int
    """Records that are not there exactly once."""

    def __str__(self) -> str:
        return f"{self.time:.2f} s, {self.requests} requests, {self.refused} refused, {self.lost} lost"


def measure(server: Server, chain: Chain, folder: Path) -> list[Outcome]:
    port = free_port()
    outcomes = []
    for number, client in enumerate(chain):
        if number > 0:
            # The server is a new one, but what the client remembers must be true of it.
            rest(server.rule.rest)
        outcomes.append(run(server, client, port, folder, folder / str(number)))
    return outcomes


def run(server: Server, client: Client, port: int, state: Path, folder: Path) -> Outcome:
    with serving(server, port, folder):
        (folder / "out").mkdir()
        command = client.command(f"http://127.0.0.1:{port}/items/", str(server.requests), server.rule.told)
        environment = {"ABIDE_STATE_DIR": str(state / "state"), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        with running(command, folder, "client", environment) as process:
            # What it has kept by then is counted.
            with suppress(subprocess.TimeoutExpired):
                process.wait(LONGEST)
        # The line of the last answer is written after it was sent.
        rest(0.1)
    seen = answers(server, folder)
    good = [answer.ended for answer in seen if answer.status == 200]
    if not good:
        raise Failure(f"{client.name} got nothing from {server.name}; what was said is in {folder}")
    records = kept(folder / "out")
    return Outcome(
        time=max(good) - min(answer.began for answer in seen),
        requests=len(seen),
        refused=sum(answer.refused for answer in seen),
        lost=sum(records[number] != 1 for number in range(1, server.requests + 1)),
    )
