"""What tests that talk to a sandbox by plain httpx share."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from mediasflow_async.sandbox import ServerRules

# httpx's default context takes longer to load than most of these tests to run.
WITHOUT_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
LINK = {"index": 0, "type": "REDIRECT", "urlToRedirect": "http://www.myurl.com/"}


def with_rules(**rules: Any) -> pytest.MarkDecorator:
    """Return the mark of a test whose sandbox has these rules."""
    return pytest.mark.sandbox(rules=ServerRules(**rules))


def recipient(mobile: str, **fields: str) -> dict[str, Any]:
    """Return an inline recipient with fields of its own."""
    pairs = [{"keyName": name, "keyValue": value} for name, value in fields.items()]
    return {"mobile": mobile, "extendedKeys": pairs}
