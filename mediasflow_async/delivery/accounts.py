"""Whose campaigns a journal holds: their numbers mean nothing on another account."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from attrs import frozen

from mediasflow_async.errors import ConfigurationError

if TYPE_CHECKING:
    from mediasflow_async.session import Session

__all__ = ["Account", "account_of", "check_account"]

_SIZE_BYTES = 16
_NEXT_STEP = (
    "Use the journal of this account, or a new one. Only where it is the same account, which has "
    "moved to another address or has another login: adopt, or --adopt, with the old address."
)


@frozen
class Account:
    """An account on a server.

    Attributes:
        address: base URL of the server.
        login: keyed digest of the username; None where only a bearer is known.
    """

    address: str
    login: str | None = None


def account_of(session: Session, salt: bytes) -> Account:
    """Return the account of a session, its login under the journal's salt."""
    name = session.username
    if name is None:
        return Account(session.base_url)
    login = blake2b(name.encode(), key=salt, digest_size=_SIZE_BYTES).hexdigest()
    return Account(session.base_url, login)


def check_account(own: Account, recorded: Account) -> None:
    """Refuse the journal of another account.

    A bearer does not say whose it is: without a login, the address alone is compared.

    Raises:
        ConfigurationError: it is another's; nothing was sent.
    """
    if own.address != recorded.address:
        raise ConfigurationError(
            f"the journal holds campaigns of {recorded.address}, and the session talks to "
            f"{own.address}, where their numbers mean others",
            next_step=_NEXT_STEP,
        )
    if own.login is not None and own.login != recorded.login:
        raise ConfigurationError(
            f"the journal holds campaigns of another account of {own.address}, whose numbers "
            "the session may not launch",
            next_step=_NEXT_STEP,
        )
