"""How a file of campaigns is read, on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from attrs import frozen
from cyclopts import Parameter

from mediasflow_async.cli.campaign_file import CampaignFile
from mediasflow_async.cli.campaign_options import CampaignOptions

__all__ = ["FileOptions"]


@Parameter(name="*")
@frozen(kw_only=True)
class FileOptions:
    """How a file of campaigns is read.

    Attributes:
        as_list: Send all rows of a CSV file as one campaign with a list.
        key_column: Column of a CSV file that holds the key of each row.
        batch: Name of the batch, a part of the keys that are made here: with another name, the
            same lines are sent again.
    """

    as_list: Annotated[bool, Parameter(negative=())] = False
    key_column: str | None = None
    batch: str = ""

    def file(self, path: Path, campaign: CampaignOptions | None) -> CampaignFile:
        """Return the file.

        Raises:
            ConfigurationError: for what does not go together.
        """
        return CampaignFile(
            path=path,
            template=None if campaign is None else campaign.request(),
            as_list=self.as_list,
            key_column=self.key_column,
            batch=self.batch,
        )
