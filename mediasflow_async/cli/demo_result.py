"""What the demo leaves behind: a summary for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import frozen

from mediasflow_async.cli.demo_message import Longest
from mediasflow_async.models import Campaign, RecipientList, ReportSummary

__all__ = ["DemoResult", "Prepared"]


@frozen(kw_only=True)
class Prepared:
    """A campaign that waits for its launch.

    Attributes:
        uploaded: its list.
        draft: the campaign.
        longest: its longest message.
    """

    uploaded: RecipientList
    draft: Campaign
    longest: Longest


@frozen(kw_only=True)
class DemoResult:
    """A campaign from its list to its report.

    Attributes:
        base_url: the server.
        prepared: the list and the draft.
        summary: counts by status.
        report: the saved file.
    """

    base_url: str
    prepared: Prepared
    summary: ReportSummary
    report: Path

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON data; it holds no phone number."""
        uploaded, draft, size = (
            self.prepared.uploaded,
            self.prepared.draft,
            self.prepared.longest.size,
        )
        return {
            "base_url": self.base_url,
            "list": {
                "id": uploaded.id,
                "size": uploaded.size,
                "valid": uploaded.valid_number_mobile,
                "invalid": uploaded.invalid_number_mobile,
                "duplicates": uploaded.count_duplicate_mobile,
                "charset": uploaded.charset_detected,
                "countries": dict(uploaded.valid_country_counter),
            },
            "campaign": {
                "id": draft.id,
                "recipients": draft.count_recipient,
                "messages": draft.count_valid,
                "credits": draft.credit_count,
                "encoding": size.encoding,
                "segments": size.segments,
            },
            "report": {"file": str(self.report), **_counts(self.summary)},
        }


def _counts(summary: ReportSummary) -> dict[str, Any]:
    return {
        "total": summary.total,
        "by_category": dict(summary.by_category),
        "by_status": [
            {
                "code": status.code,
                "label": status.label,
                "category": status.category,
                "count": count,
            }
            for status, count in summary.by_status.items()
        ],
    }
