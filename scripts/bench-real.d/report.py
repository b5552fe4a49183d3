"""What is printed: a row for each server and client, from the medians of its runs, and the commands."""

import shlex
from pathlib import Path
from statistics import median

from clients import Client
from measure import Outcome
from servers import Server

HEAD = ["server", "it says", "client", "time", "least", "over the least", "requests", "refused", "lost"]


def table(servers: list[Server], clients: list[Client], outcomes: dict[tuple[str, str], list[Outcome]]) -> str:
    lines = [row(HEAD), row(["---"] * len(HEAD))]
    for server in servers:
        for client in clients:
            runs = outcomes[server.name, client.name]
            time, least = median(run.time for run in runs), server.rule.least(server.requests)
            lines.append(
                row(
                    [
                        server.what,
                        server.says,
                        client.name,
                        f"{time:.2f} s",
                        f"{least:.2f} s",
                        f"{time / least:.3f}",
                        f"{median(run.requests for run in runs):.0f}",
                        f"{median(run.refused for run in runs):.0f}",
                        str(max(run.lost for run in runs)),
                    ]
                )
            )
    return "\n".join(lines)


def commands(servers: list[Server], clients: list[Client]) -> str:
    """As they were run, but for the folders of programs; then what N and LIMIT were."""
    lines = []
    for client in clients:
        command = client.command("http://127.0.0.1:PORT/items/", "N", "LIMIT")
        lines.append(f"{client.name}:")
        lines.append(f"    {shlex.join(Path(word).name if word.startswith('/') else word for word in command)}")
    lines.extend(f"{server.name}: N = {server.requests}, LIMIT = '{server.rule.told}'" for server in servers)
    return "\n".join(lines)


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
