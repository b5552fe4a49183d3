"""What a server allows: how abide is told, the least possible time under it, and when all of it is free again."""

import math
from dataclasses import dataclass
from typing import Protocol


class Rule(Protocol):
    @property
    def told(self) -> str:
        """As `--limit` spells it."""

    @property
    def rest(self) -> float:
        """Seconds without a request after which nothing is counted any more."""

    def least(self, requests: int) -> float:
        """Seconds from the arrival of the first request to the answer to the last, if nothing else took any time."""


@dataclass(frozen=True)
class Window:
    """So many a period, whether it begins with the first request or slides: all at once, and again a period later."""

    amount: int
    period: int

    @property
    def told(self) -> str:
        return f"{self.amount}/{self.period}s"

    @property
    def rest(self) -> float:
        return self.period

    def least(self, requests: int) -> float:
        return (math.ceil(requests / self.amount) - 1) * self.period


@dataclass(frozen=True)
class Bucket:
    """One and the burst at once, the others at the rate."""

    rate: int
    burst: int

    @property
    def told(self) -> str:
        return f"{self.rate}/s burst {self.burst}"

    @property
    def rest(self) -> float:
        return (self.burst + 1) / self.rate

    def least(self, requests: int) -> float:
        return max(0, requests - 1 - self.burst) / self.rate


@dataclass(frozen=True)
class InFlight:
    """So many at once, each of which takes the service so many seconds."""

    most: int
    service: float

    @property
    def told(self) -> str:
        return f"concurrency {self.most}"

    @property
    def rest(self) -> float:
        return self.service

    def least(self, requests: int) -> float:
        return math.ceil(requests / self.most) * self.service


@dataclass(frozen=True)
class FadingCounter:
    """The count of this period, which begins with a request, and that of the period before, fading out over this one.

    The first amount goes at once. In each later period the count before it fades as fast as a new one may grow, and the sum
    is rounded down, so that the n-th is allowed as soon as n - 1 have faded.
    """

    amount: int
    period: int

    @property
    def told(self) -> str:
        """No spelling says it exactly; evenly spaced is what it comes to."""
        return f"even {self.amount}/{self.period}s"

    @property
    def rest(self) -> float:
        return 2 * self.period

    def least(self, requests: int) -> float:
        return (requests - 1) / self.amount * self.period if requests > self.amount else 0
