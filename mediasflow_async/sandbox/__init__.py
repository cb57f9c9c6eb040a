"""A faithful local Mediasflow, for demonstrations and tests; nothing leaves the machine.

    async with Sandbox() as sandbox:
        ...  # any client, pointed at sandbox.base_url

It implements every function of the vendor's guide with its rules. Where the guide is silent,
`ServerRules` says what it chooses.
"""

from __future__ import annotations

from mediasflow_async.sandbox.blacklist import Entry
from mediasflow_async.sandbox.dates import Clock
from mediasflow_async.sandbox.delivery import DeliveryPlan
from mediasflow_async.sandbox.faults import Fault, Faults
from mediasflow_async.sandbox.request_log import RecordedRequest
from mediasflow_async.sandbox.rules import ServerRules
from mediasflow_async.sandbox.sandbox import Sandbox
from mediasflow_async.sandbox.snapshots import Campaign, Message
from mediasflow_async.sandbox.users import User

__all__ = [
    "Campaign",
    "Clock",
    "DeliveryPlan",
    "Entry",
    "Fault",
    "Faults",
    "Message",
    "RecordedRequest",
    "Sandbox",
    "ServerRules",
    "User",
]
