"""Short links in a message (Guide: 2.1, `tinyList`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from attrs import field, frozen

from mediasflow_async.models.as_given import member, tuple_of
from mediasflow_async.models.campaign_values import Renderer, TinyUrlType

__all__ = ["TinyUrl"]


def _tiny_url_type(value: TinyUrlType | str) -> Any:
    return member(TinyUrlType, value)


def _renderer(value: Renderer | str | None) -> Any:
    return member(Renderer, value)


def _texts(value: Iterable[str] | None) -> tuple[str, ...]:
    return tuple_of(value)


@frozen(kw_only=True)
class TinyUrl:
    """A link in the message that the platform shortens and counts clicks on.

    Guide: 2.1 (`tinyList`).

    Attributes:
        index: 0 for ``${track_1}`` in the message, 1 for ``${track_2}``, and so on.
        type: where the link leads.
        url: the address, for REDIRECT.
        local_html: the name of the HTML file in `CampaignRequest.zip_local`, for LOCAL.
        parameters: what is added to the address, such as ``name=${Name}``.
        label: title of the preview, at most 20 characters, on index 0 only.
        description: text of the preview, at most 40 characters, on index 0 only.
        image_name: name of the preview image, ``.jpg`` or ``.png``.
        renderer: syntax of the fields in the address; the campaign's by default.
        end_of_life: how long the link lives: a number of days, or its last day.
            45 days by default.
        host: host of the short address.
        domain: domain that the short address is associated with.
        is_open_graph: whether a preview is shown.
        raw: the answer that it was read from; empty when you made it.
        extra: what the answer holds beyond the fields above.
    """

    index: int = field()
    type: TinyUrlType = field(default=TinyUrlType.REDIRECT, converter=_tiny_url_type)
    url: str | None = None
    local_html: str | None = None
    parameters: tuple[str, ...] = field(default=(), converter=_texts)
    label: str | None = None
    description: str | None = None
    image_name: str | None = None
    renderer: Renderer | None = field(default=None, converter=_renderer)
    end_of_life: int | date | None = None
    host: str | None = None
    domain: str | None = None
    is_open_graph: bool | None = None
    raw: Mapping[str, Any] = field(factory=dict, repr=False, eq=False)
    extra: Mapping[str, Any] = field(factory=dict, repr=False)
