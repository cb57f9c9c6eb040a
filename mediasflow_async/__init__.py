"""Mediasflow from asyncio and trio: SMS campaigns, recipient lists, blacklist, delivery reports.

    request = CampaignRequest(msg="Hello", recipients=["0612345678"])
    async with Session("login", "password") as session:
        draft = await session.campaigns.prepare(request)
        campaign = await session.campaigns.launch(draft.id)

Names are imported when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    __version__: str
    from mediasflow_async._core.calls import OperationKind
    from mediasflow_async._core.responses import ApiResponse
    from mediasflow_async._core.retry import RetryPolicy, RetryRecord, no_retries
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
    from mediasflow_async.secrecy import Secret
    from mediasflow_async.session import Session

_MODULES: Final = {
    "Outcome": "concurrency",
    "Outcomes": "concurrency",
    "map_bounded": "concurrency",
    "TwelveOClockWarning": "converter",
    "BASE_URL_ALT": "dialect",
    "PRODUCTION_URL": "dialect",
    "Dialect": "dialect",
    "content_digest": "dialect",
    "ApiError": "errors",
    "AuthenticationFailed": "errors",
    "BadRequest": "errors",
    "ConfigurationError": "errors",
    "Conflict": "errors",
    "ConnectionFailed": "errors",
    "DeliveryUnknown": "errors",
    "InvalidRequest": "errors",
    "MediasflowError": "errors",
    "NotFound": "errors",
    "PermissionDenied": "errors",
    "Problem": "errors",
    "RateLimited": "errors",
    "RequestTimeout": "errors",
    "ResponseInvalid": "errors",
    "Sent": "errors",
    "ServerError": "errors",
    "SessionClosed": "errors",
    "Secret": "secrecy",
    "BlacklistEntry": "models",
    "BlacklistKind": "models",
    "Campaign": "models",
    "CampaignRequest": "models",
    "CampaignStatus": "models",
    "CampaignType": "models",
    "DeliveryCategory": "models",
    "DeliveryStatus": "models",
    "ListType": "models",
    "MediaType": "models",
    "Recipient": "models",
    "RecipientList": "models",
    "Renderer": "models",
    "ReportRow": "models",
    "ReportSummary": "models",
    "TinyUrl": "models",
    "TinyUrlType": "models",
    "Track": "models",
    "OperationKind": "_core.calls",
    "ApiResponse": "_core.responses",
    "RetryPolicy": "_core.retry",
    "RetryRecord": "_core.retry",
    "no_retries": "_core.retry",
    "Session": "session",
}

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
    "Secret",
    "Sent",
    "ServerError",
    "Session",
    "SessionClosed",
    "TinyUrl",
    "TinyUrlType",
    "Track",
    "TwelveOClockWarning",
    "__version__",
    "content_digest",
    "map_bounded",
    "no_retries",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("mediasflow-async")
    try:
        module = _MODULES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
