"""A file of campaigns, read a line at a time, each under the key that it is sent with.

JSON Lines hold one campaign a line: an object with the fields of `CampaignRequest`, and `key`.

    {"key": "order-17", "msg": "Votre colis est là.", "recipients": ["0612345678"]}
    {"msg": "Bonjour ${PRENOM}", "recipients": [{"mobile": "0612345679",
     "fields": {"PRENOM": "Zoé"}}]}          (on one line)

A CSV file is a list of recipients: each row is a campaign of its own, whose message is the
template and whose fields are the columns; or they all are one campaign with an uploaded list.

A key decides what is the same campaign when a batch is started again. Where a line has none,
it is made of what the line holds, and of its place in nothing: so a file may be sorted, grow or
shrink between two starts, and what was sent is not sent again. It follows that

- two lines that hold the same are one campaign, which goes out once; to send both, give each a
  key of its own;
- a line of JSON that was edited is another campaign, and goes out again. With a key of its own
  it does not: then the journal refuses it as a `KeyConflict`;
- the key of a CSV row is made of its cells alone. The same rows with another message are a
  `KeyConflict`, so that a corrected message does not reach again whom the first one had
  reached; a new batch to the same people gets a new name with `batch`, or a new journal.
- the key of a list that is one campaign is made of the whole file: edited, it is another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import field, frozen

from mediasflow_async.cli.campaign_lines import Line
from mediasflow_async.cli.campaign_records import read_records
from mediasflow_async.cli.campaign_rows import read_as_list, read_each_row
from mediasflow_async.errors import ConfigurationError, InvalidRequest
from mediasflow_async.masking import mask_text
from mediasflow_async.models import CampaignRequest

__all__ = ["CampaignFile", "campaigns_of", "lines_of"]

_RECORDS: Final = frozenset({".jsonl", ".ndjson"})
_ROWS: Final = frozenset({".csv", ".txt"})


def _known_suffix(_: object, __: object, path: Path) -> None:
    if path.suffix.lower() not in _RECORDS | _ROWS:
        raise ConfigurationError(
            f"{path.name}: campaigns are read from .jsonl (one a line) or .csv (recipients)"
        )


@frozen(kw_only=True)
class CampaignFile:
    """A file of campaigns, and how it is read.

    Attributes:
        path: the file: ``.jsonl`` or ``.ndjson``, or ``.csv`` or ``.txt`` for recipients.
        template: the campaign of each row, without recipients; for recipients alone.
        as_list: send all rows as one campaign with a list, which is held in memory.
        key_column: the column that holds the key of each row.
        batch: a name that is a part of every key that is made here.

    Raises:
        ConfigurationError: for what does not go together.
    """

    path: Path = field(validator=_known_suffix)
    template: CampaignRequest | None = field(default=None, repr=False)
    as_list: bool = False
    key_column: str | None = None
    batch: str = ""

    def __attrs_post_init__(self) -> None:
        for_rows = (self.template, self.as_list or None, self.key_column)
        if self.is_records and any(option is not None for option in for_rows):
            raise ConfigurationError(
                f"{self.path.name} holds whole campaigns: a message, --as-list and --key-column "
                "are for a CSV file of recipients"
            )
        if not self.is_records and self.template is None:
            raise ConfigurationError(f"{self.path.name} holds recipients: add --message")
        if self.as_list and self.key_column is not None:
            raise ConfigurationError("--as-list makes one campaign, --key-column one for each row")

    @property
    def is_records(self) -> bool:
        """Whether the file holds whole campaigns, not recipients."""
        return self.path.suffix.lower() in _RECORDS


def lines_of(file: CampaignFile, *, salt: bytes) -> Iterator[Line]:
    """Yield the lines of a file of any length, those that cannot be read with what is wrong.

    Args:
        file: the file.
        salt: the key of what digests the content: `Journal.salt`.

    Raises:
        ConfigurationError: the file as a whole cannot be read as what it says it is.
        OSError: it cannot be read.
    """
    if file.template is None:
        yield from read_records(file.path, batch=file.batch, salt=salt)
    elif file.as_list:
        yield read_as_list(file.path, file.template, batch=file.batch, salt=salt)
    else:
        yield from read_each_row(
            file.path, file.template, key_column=file.key_column, batch=file.batch, salt=salt
        )


def campaigns_of(file: CampaignFile, *, salt: bytes) -> Iterator[tuple[str, CampaignRequest]]:
    """Yield the keys and campaigns of a file of any length.

    Nothing but the form of a line is checked here: the rules of the API are the sender's, or
    those of a check of the whole file before.

    Args:
        file: the file.
        salt: the key of what digests the content: `Journal.salt`.

    Raises:
        InvalidRequest: for the first line that cannot be read; it names file and line, and all
            that is wrong with it.
        ConfigurationError: the file as a whole cannot be read as what it says it is.
        OSError: it cannot be read.
    """
    for line in lines_of(file, salt=salt):
        if line.request is None or line.problems:
            wrong = mask_text("; ".join(map(str, line.problems)))
            raise InvalidRequest(f"{file.path.name}, {line.where}: {wrong}", problems=line.problems)
        yield line.key, line.request
