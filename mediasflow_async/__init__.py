"""Mediasflow from asyncio and trio: SMS campaigns, recipient lists, blacklist, delivery reports.

    request = CampaignRequest(msg="Hello", recipients=["0612345678"])
    async with Session("login", "password") as session:
        draft = await session.campaigns.prepare(request)
        campaign = await session.campaigns.launch(draft.id)

`Session` is where a program begins. Beside it stand the packages `text` (size, price and
preflight of a message), `search` (the search language of the reports), `delivery` (each campaign
at most once, with a journal), `workers` (campaigns spread over machines), `sandbox` (a local
Mediasflow) and `frames` (reports as data frames), and the modules `models`, `errors` and
`dialect`.

A name is imported when it is first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    __version__: str
    from mediasflow_async._core.calls import OperationKind
    from mediasflow_async._core.responses import ApiResponse
    from mediasflow_async._core.retry import RetryPolicy, RetryRecord, no_retries
    from mediasflow_async._core.token_stores import FileTokenStore, StoredToken, TokenStore
    from mediasflow_async.concurrency import Outcome, Outcomes, map_bounded
    from mediasflow_async.converter import TwelveOClockWarning
    from mediasflow_async.dialect import BASE_URL_ALT, PRODUCTION_URL, Dialect, content_digest
    from mediasflow_async.errors import (
        ApiError,
        AuthenticationFailed,
        BadRequest,
        ConfigurationError,
        Conflict,
        ConnectionFailed,
        DeliveryUnknown,
        InvalidRequest,
        MediasflowError,
        NotFound,
        PermissionDenied,
        Problem,
        RateLimited,
        RequestTimeout,
        ResponseInvalid,
        Sent,
        ServerError,
        SessionClosed,
        TokenLost,
    )
    from mediasflow_async.models import (
        BlacklistEntry,
        BlacklistKind,
        Campaign,
        CampaignRequest,
        CampaignStatus,
        CampaignType,
        DeliveryCategory,
        DeliveryStatus,
        ListType,
        MediaType,
        Recipient,
        RecipientList,
        Renderer,
        ReportRow,
        ReportSummary,
        TinyUrl,
        TinyUrlType,
        Track,
    )
    from mediasflow_async.resources.reports import RowsOutsideWarning
    from mediasflow_async.secrecy import Secret
    from mediasflow_async.session import Session

# The same names for `__getattr__`, by module.
_MODULES: Final = {
    "_core.calls": "OperationKind",
    "_core.responses": "ApiResponse",
    "_core.retry": "RetryPolicy RetryRecord no_retries",
    "_core.token_stores": "FileTokenStore StoredToken TokenStore",
    "concurrency": "Outcome Outcomes map_bounded",
    "converter": "TwelveOClockWarning",
    "dialect": "BASE_URL_ALT PRODUCTION_URL Dialect content_digest",
    "errors": """
        ApiError AuthenticationFailed BadRequest ConfigurationError Conflict ConnectionFailed
        DeliveryUnknown InvalidRequest MediasflowError NotFound PermissionDenied Problem
        RateLimited RequestTimeout ResponseInvalid Sent ServerError SessionClosed TokenLost
    """,
    "models": """
        BlacklistEntry BlacklistKind Campaign CampaignRequest CampaignStatus CampaignType
        DeliveryCategory DeliveryStatus ListType MediaType Recipient RecipientList Renderer
        ReportRow ReportSummary TinyUrl TinyUrlType Track
    """,
    "resources.reports": "RowsOutsideWarning",
    "secrecy": "Secret",
    "session": "Session",
}
_MODULE_OF: Final = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = [
    "BASE_URL_ALT",
    "PRODUCTION_URL",
    "ApiError",
    "ApiResponse",
    "AuthenticationFailed",
    "BadRequest",
    "BlacklistEntry",
    "BlacklistKind",
    "Campaign",
    "CampaignRequest",
    "CampaignStatus",
    "CampaignType",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "DeliveryCategory",
    "DeliveryStatus",
    "DeliveryUnknown",
    "Dialect",
    "FileTokenStore",
    "InvalidRequest",
    "ListType",
    "MediaType",
    "MediasflowError",
    "NotFound",
    "OperationKind",
    "Outcome",
    "Outcomes",
    "PermissionDenied",
    "Problem",
    "RateLimited",
    "Recipient",
    "RecipientList",
    "Renderer",
    "ReportRow",
    "ReportSummary",
    "RequestTimeout",
    "ResponseInvalid",
    "RetryPolicy",
    "RetryRecord",
    "RowsOutsideWarning",
    "Secret",
    "Sent",
    "ServerError",
    "Session",
    "SessionClosed",
    "StoredToken",
    "TinyUrl",
    "TinyUrlType",
    "TokenLost",
    "TokenStore",
    "Track",
    "TwelveOClockWarning",
    "__version__",
    "content_digest",
    "map_bounded",
    "no_retries",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def _version() -> str:
    metadata = import_module("importlib.metadata")
    try:
        return str(metadata.version("mediasflow-async") or _UNKNOWN_VERSION)
    except metadata.PackageNotFoundError:
        # A frozen application has the package without what its installation left beside it.
        return _UNKNOWN_VERSION


_UNKNOWN_VERSION: Final = "0+unknown"


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
