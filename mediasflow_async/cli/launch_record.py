"""Whether something was launched, for whoever asks in the middle of it."""

from __future__ import annotations

from enum import StrEnum

from mediasflow_async.cli.exits import ExitCode
from mediasflow_async.cli.failures import CommandStopped

__all__ = ["Launch", "LaunchRecord"]


class Launch(StrEnum):
    """How far a launch got."""

    NOT_ASKED = "Nothing was launched, and no SMS was sent."
    ASKED = (
        "The launch of campaign {id} was under way: look at its report before you launch it again."
    )
    DONE = "Campaign {id} was launched."


class LaunchRecord:
    """Written while a campaign is launched, and read when the command ends early.

    Attributes:
        state: how far the launch got.
        campaign_id: the campaign.
    """

    def __init__(self) -> None:
        self.state = Launch.NOT_ASKED
        self.campaign_id: int | None = None

    def __str__(self) -> str:
        return self.state.format(id=self.campaign_id)

    def interrupted(self, *, is_sandbox: bool) -> CommandStopped:
        """Return what Ctrl-C ends the command with."""
        if is_sandbox:
            return CommandStopped(
                f"{self} It was a sandbox: no SMS left this machine.", ExitCode.INTERRUPTED
            )
        in_doubt = self.state is Launch.ASKED
        return CommandStopped(
            str(self), ExitCode.DELIVERY_UNKNOWN if in_doubt else ExitCode.INTERRUPTED
        )
