"""How a sender works, on the command line."""

from __future__ import annotations

from typing import Annotated, Any

from attrs import asdict, frozen
from cyclopts import Parameter
from cyclopts.validators import Number

__all__ = ["SenderOptions"]

_Positive = Annotated[float, Parameter(validator=Number(gt=0))]


@Parameter(name="*")
@frozen(kw_only=True)
class SenderOptions:
    """How campaigns are sent.

    Attributes:
        limit: Campaigns under way at once; MEDIASFLOW_MAX_IN_FLIGHT by default.
        rate: Calls per second of all who share the journal; no limit by default.
        settle: Seconds after a launch without an answer before the server is asked about it;
            more than it could still take to process it.
        confirm_every: Seconds between two questions about a launch in doubt.
        lease: Seconds that others wait for a process that died.
        adopt: The base URL that the journal was used with before this one. Only if it is the
            same account: elsewhere, the numbers in it are somebody else's campaigns. Stop the
            processes that send to the old address first.
    """

    limit: Annotated[int | None, Parameter(validator=Number(gte=1))] = None
    rate: _Positive | None = None
    settle: _Positive = 120.0
    confirm_every: _Positive = 10.0
    lease: _Positive = 120.0
    adopt: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of a `Sender`."""
        return asdict(self)
