"""What becomes of messages after the launch: a simulation, the same in every run.

The whole course of a message is drawn when it is sent, from the plan's seed, and stored with it
as a `Timeline`. What can be seen of it then depends on the sandbox's clock alone: nothing runs in
the background, and a clock that jumps misses nothing.
"""

from __future__ import annotations

import random
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen
from attrs.validators import ge, gt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "NOT_SENT",
    "RECEIVED",
    "STOP_REQUESTED",
    "DeliveryPlan",
    "Timeline",
    "campaign_state",
    "simulate",
]

# Status codes. Guide: 3.
_DELIVERED = 16
_ALSO_DELIVERED = 21
STOP_REQUESTED = 17
_EXPIRED = 22
_UNAVAILABLE = 31
_POSTED = (10, 24)
_IN_FLIGHT = frozenset({*_POSTED, 28})
RECEIVED = frozenset({_DELIVERED, _ALSO_DELIVERED, STOP_REQUESTED})
# Refused by the platform: no operator and no phone sees the message.
NOT_SENT = frozenset({2, 3, 4, 5, 6, 7, 8, 12, 14, 15, 18, 19, 23})


def _weights(mix: Mapping[int, float]) -> Mapping[int, float]:
    return MappingProxyType({int(status): float(weight) for status, weight in mix.items()})


@frozen(kw_only=True)
class DeliveryPlan:
    """What becomes of messages. Equal plans give equal results for equal campaigns.

    Attributes:
        mix: final status codes and how often each occurs (weights, of any sum). 31 is followed
            by a second attempt, 17 puts the number into the blacklist.
        duration: time from launch until the last message of a campaign is final.
        speed: divides `duration`: 2.0 is twice as fast.
        click_rate: part of the delivered messages whose links are clicked, 0 to 1.
        reply_rate: part of the delivered messages that get an answer other than STOP.
        seed: another seed gives another, equally likely, course.
    """

    mix: Mapping[int, float] = field(
        default={16: 88, 21: 2, 20: 3, 29: 2, 31: 2, 17: 1, 22: 1, 32: 0.5, 27: 0.5},
        converter=_weights,
    )
    duration: timedelta = timedelta(seconds=8)
    speed: float = field(default=1.0, validator=gt(0))
    click_rate: float = field(default=0.2, validator=ge(0))
    reply_rate: float = field(default=0.02, validator=ge(0))
    seed: int = 0

    @classmethod
    def instant(cls, mix: Mapping[int, float] | None = None) -> DeliveryPlan:
        """Return a plan in which every message is final at once: delivered, or what `mix` says.

        Nobody clicks or replies.
        """
        mix = {_DELIVERED: 1} if mix is None else mix
        return cls(mix=mix, duration=timedelta(), click_rate=0, reply_rate=0)

    def at_speed(self, speed: float) -> DeliveryPlan:
        """Return this plan at another speed."""
        return evolve(self, speed=speed)

    @property
    def seconds(self) -> float:
        """How long a campaign really takes, in seconds of the sandbox's clock."""
        return self.duration.total_seconds() / self.speed


_Step = tuple[float, int]


def _steps(steps: Iterable[Iterable[float]]) -> tuple[_Step, ...]:
    return tuple((at, int(code)) for at, code in steps)


@frozen
class Timeline:
    """What becomes of one message, in seconds after its campaign's launch.

    The store keeps it as JSON.

    Attributes:
        steps: (seconds, status code), rising; the first is at 0.
        posted_at: when an operator gets it, None for never.
        clicked_at: when the links are clicked, None for never.
        clicks: how often they are clicked.
        reply: what the recipient answers, empty for nothing.
    """

    steps: tuple[_Step, ...] = field(converter=_steps)
    posted_at: float | None = None
    clicked_at: float | None = None
    clicks: int = 0
    reply: str = ""

    def status(self, elapsed: float) -> int:
        """Return the status code after `elapsed` seconds."""
        return [code for at, code in self.steps if at <= elapsed or at == 0][-1]

    @property
    def final(self) -> _Step:
        """The last step."""
        return self.steps[-1]


# Parts of a plan's duration: how much later the last message of a campaign starts than the first,
# when a message and its campaign are prepared, when they are posted, and what further steps take.
_SPREAD = 0.6
_PREPARING = 0.05
_INJECTING = 0.1
_JITTER = 0.15
_REPLIES = ("OK", "Merci", "Oui", "Non merci", "C'est noté")


def simulate(
    plan: DeliveryPlan, mobile: str, key: str, progress: float, pending: tuple[int, int]
) -> Timeline:
    """Return the timeline of a message that the platform accepts.

    Args:
        plan: how often what happens; a magic number has its own status instead.
        mobile: its number, E.164.
        key: identifies the message; the same key, number and seed give the same timeline.
        progress: its place in its campaign, from 0 (first) to 1 (last).
        pending: the codes of "in process" and "sending in progress".
    """
    rng = random.Random(f"{plan.seed}/{key}/{mobile}")  # noqa: S311  a simulation, no secret
    magic = _magic_status(mobile)
    final = rng.choices([*plan.mix], [*plan.mix.values()])[0] if magic is None else magic
    if final in NOT_SENT:
        return Timeline(((0.0, final),))
    codes = _status_codes(rng, final, pending, retried=magic is None)
    steps = _timed(plan, rng, codes, progress)
    posted_at = next((at for at, code in steps if code not in pending), None)
    return _with_reactions(plan, rng, Timeline(steps, posted_at))


_MAGIC_PREFIX = "+3360000"
_MAGIC_LENGTH = len("+33612345678")


def _magic_status(mobile: str) -> int | None:
    """Return the status that a magic number `+3360000SSxx` ends in, None for other numbers."""
    if len(mobile) != _MAGIC_LENGTH or not mobile.startswith(_MAGIC_PREFIX):
        return None
    return int(mobile[len(_MAGIC_PREFIX) :][:2])


def _status_codes(
    rng: random.Random, final: int, pending: tuple[int, int], *, retried: bool
) -> tuple[int, ...]:
    if final in pending:
        return pending[: pending.index(final) + 1]
    posted = final if final in _IN_FLIGHT else rng.choice(_POSTED)
    codes = (*pending, posted) if posted == final else (*pending, posted, final)
    if final == _UNAVAILABLE and retried:
        return (*codes, rng.choice((_DELIVERED, _EXPIRED)))
    return codes


def _timed(
    plan: DeliveryPlan, rng: random.Random, codes: tuple[int, ...], progress: float
) -> tuple[_Step, ...]:
    if not plan.seconds:
        return ((0.0, codes[-1]),)
    start = progress * _SPREAD
    times = [0.0, start + _PREPARING, start + _INJECTING]
    while len(times) < len(codes):
        times.append(min(1.0, times[-1] + _JITTER / 3 + rng.random() * _JITTER / 2))
    return tuple(
        (round(time * plan.seconds, 3), code) for time, code in zip(times, codes, strict=False)
    )


def _with_reactions(plan: DeliveryPlan, rng: random.Random, timeline: Timeline) -> Timeline:
    at, final = timeline.final
    if final == STOP_REQUESTED:
        return evolve(timeline, reply="STOP")
    if final not in {_DELIVERED, _ALSO_DELIVERED}:
        return timeline
    if rng.random() < plan.reply_rate:
        timeline = evolve(timeline, reply=rng.choice(_REPLIES))
    if rng.random() < plan.click_rate:
        later = at + rng.random() * (plan.seconds - at)
        return evolve(timeline, clicked_at=round(later, 3), clicks=rng.randint(1, 3))
    return timeline


def campaign_state(plan: DeliveryPlan, elapsed: float) -> str:
    """Return the state of a campaign `elapsed` seconds after its launch. Guide: 2.1.3.1."""
    if elapsed < _PREPARING * plan.seconds:
        return "INPROGRESS"
    return "INJECTING" if elapsed < _INJECTING * plan.seconds else "INJECTED"
