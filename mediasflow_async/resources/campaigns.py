"""Campaigns: prepare, launch, send, test, cancel (Guide: 2.1 to 2.3, 2.8).

One function of the API, `campaigns/inject`, prepares, sends and launches. What it does depends
on `startNow` and `campaignId`, and decides how a call may be repeated: a draft that is made
twice is waste, a campaign that is sent twice is harm. So the three are methods of their own,
each with an `Operation` of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from mediasflow_async._core.calls import Operation, OperationKind
from mediasflow_async._core.judgement import Expected, campaign_id_in
from mediasflow_async._core.proof import Guard
from mediasflow_async._core.requests import CANCEL_PATH
from mediasflow_async._core.responses import ApiResponse
from mediasflow_async.concurrency import Outcomes, StopOn, map_bounded
from mediasflow_async.converter import writer_for
from mediasflow_async.converter.names import CAMPAIGN_IDS, folded
from mediasflow_async.dialect import FORM_TYPE, JSON_TYPE, Dialect
from mediasflow_async.errors import InvalidRequest, MediasflowError, Problem, value_of
from mediasflow_async.models import Campaign, CampaignRequest, Recipient
from mediasflow_async.models.values import readable_id
from mediasflow_async.resources.api import Api, name_cures
from mediasflow_async.resources.lists import Lists, recipient_rows
from mediasflow_async.validation import (
    MAX_INLINE_RECIPIENTS,
    campaign_id_problems,
    campaign_problems,
    listed,
    number_problems,
    refuse,
    request_problems,
    sender_problems,
)

if TYPE_CHECKING:
    from mediasflow_async.resources.preflights import Rows
    from mediasflow_async.text import Conditions, Preflight

__all__ = ["Campaigns"]

_INJECT: Final = "campaigns/inject"
_SEND: Final = Operation(OperationKind.ONE_SHOT, "POST", _INJECT, Expected.LAUNCHED)
_PREPARE: Final = Operation(OperationKind.PREPARE, "POST", _INJECT, Expected.DRAFT)
_LAUNCH: Final = Operation(OperationKind.LAUNCH, "POST", _INJECT, Expected.LAUNCHED)
_SET_SENDER: Final = Operation(
    OperationKind.SET, "PUT", "campaigns/{campaign_id}/sender", Expected.CHANGE
)
# A PUT, and yet it sends SMS each time.
_TEST: Final = Operation(
    OperationKind.ONE_SHOT, "PUT", "campaigns/{campaign_id}/test", Expected.CHANGE
)
_CANCEL: Final = Operation(OperationKind.SET, "PUT", CANCEL_PATH, Expected.CANCELLED)


class Campaigns:
    """The campaigns of the account; reached as `session.campaigns`."""

    def __init__(self, api: Api, lists: Lists) -> None:
        self._api = api
        self._lists = lists
        self._writer = writer_for(api.dialect)

    async def send(
        self, request: CampaignRequest, *, auto_list: bool = False, preflight: bool = False
    ) -> Campaign:
        """Send a campaign in one request: at once, or at its date.

        Guide: 2.1, 2.1.1. Prefer `prepare` and `launch` where you can: a launch names a
        campaign, whose report shows what became of it even if the answer is lost.

        Args:
            request: what to send; `start_now` is taken as True.
            auto_list: upload the recipients as a list first when they are more than 50.
            preflight: raise `InvalidRequest` when a preflight of its own recipients finds a
                problem, on an account of one segment a message; call `preflight` for another one.

        Raises:
            InvalidRequest: every problem of the request; nothing was sent.
            DeliveryUnknown: the request left and no usable answer came back.
            ApiError: the server refused.
        """
        refuse(request_problems(request))
        if request.campaign_id is not None:
            rule = "names a prepared campaign: launch it with launch(campaign_id)"
            raise InvalidRequest(problems=[Problem("campaign_id", rule)])
        if preflight:
            await self._refuse_problems(request)
        return await self._inject(request, start_now=True, auto_list=auto_list)

    async def prepare(
        self, request: CampaignRequest, *, auto_list: bool = False, preflight: bool = False
    ) -> Campaign:
        """Make a draft: the server checks it, counts it and sends nothing.

        Guide: 2.1.3.

        Args:
            request: what to prepare; `start_now` is taken as False.
            auto_list: upload the recipients as a list first when they are more than 50.
            preflight: as in `send`.

        Returns:
            The draft, with its `id` for `launch`, its counts and its cost in credits.

        Raises:
            InvalidRequest: every problem of the request; nothing was sent.
            ApiError: the server refused.
        """
        refuse(request_problems(request))
        if preflight:
            await self._refuse_problems(request)
        return await self._inject(request, start_now=False, auto_list=auto_list)

    async def launch(
        self, campaign_id: int, *, sender: str | None = None, guard: Guard | None = None
    ) -> Campaign:
        """Send a campaign that was prepared before.

        Guide: 2.1.3.2.

        Args:
            campaign_id: the number that `prepare` answered.
            sender: another sender than the draft's.
            guard: called right before the first byte of each attempt leaves; when it raises,
                nothing leaves, and its exception is raised here as it is.

        Raises:
            InvalidRequest: an argument is wrong; no request was made.
            DeliveryUnknown: the request left and no usable answer came back; the report of the
                campaign shows whether it ran.
            Conflict: the campaign is in a state that does not allow this, which proves nothing
                (`sent` is UNKNOWN): it may have been launched before.
        """
        refuse([*campaign_id_problems(campaign_id), *sender_problems(sender)])
        request = CampaignRequest(campaign_id=campaign_id, sender=sender)
        return await self._inject(request, start_now=True, guard=guard)

    async def inject(
        self, request: CampaignRequest, *, auto_list: bool = False, guard: Guard | None = None
    ) -> Campaign:
        """Prepare, send or launch a campaign, as the request says.

        Guide: 2.1. It is the plain form of `send`, `prepare` and `launch`, which set `start_now`
        and `campaign_id` by themselves.

        Args:
            request: prepares a draft, unless `start_now` is True: then it is sent, or launched
                where it has a `campaign_id`.
            auto_list: upload the recipients as a list first when they are more than 50.
            guard: as in `launch`.

        Raises:
            InvalidRequest: every problem of the request; nothing was sent.
            DeliveryUnknown: SMS may have been sent and no usable answer came back.
            ApiError: the server refused.
        """
        refuse(request_problems(request))
        start_now = request.start_now
        return await self._inject(request, start_now=start_now, auto_list=auto_list, guard=guard)

    async def _inject(
        self,
        request: CampaignRequest,
        *,
        start_now: bool,
        auto_list: bool = False,
        guard: Guard | None = None,
    ) -> Campaign:
        uploads = auto_list and _is_long(request.recipients)
        problems = campaign_problems(
            request, self._api.dialect, start_now=start_now, any_number=uploads
        )
        refuse(problems, request.campaign_id)
        if uploads:
            request = await self._with_list(request)
        operation = _operation(request.campaign_id, start_now=start_now)
        try:
            answer = await self._api.call(
                operation,
                campaign_id=request.campaign_id,
                json=self._writer.campaign(request, start_now=start_now),
                guard=guard,
            )
        except MediasflowError as error:
            name_cures(error, operation, _other_forms(request, self._api.dialect))
            raise
        return _campaign_in(answer)

    async def set_sender(self, campaign_id: int, sender: str) -> Campaign:
        """Change the sender of a draft.

        Guide: 2.2. The guide does not say what the server answers: a field that is not in the
        answer is None.

        Args:
            campaign_id: the number that `prepare` answered.
            sender: 3 to 11 letters and digits, not digits alone.

        Raises:
            InvalidRequest: an argument is wrong; no request was made.
            Conflict: the campaign is no draft any more.
        """
        refuse([*campaign_id_problems(campaign_id), *sender_problems(sender or "")])
        return await self._put(_SET_SENDER, campaign_id, {"sender": sender})

    async def test(
        self, campaign_id: int, phone_numbers: str | Iterable[str], *, sender: str | None = None
    ) -> Campaign:
        """Send the message of a campaign to a few numbers, to see it on a phone.

        Guide: 2.3. This sends SMS each time it is called, so it is never repeated in doubt.

        Args:
            campaign_id: a campaign that has a message.
            phone_numbers: where to send it: numbers, or a text with `;` between them.
            sender: another sender, for this test only.

        Raises:
            InvalidRequest: an argument is wrong; no request was made.
            DeliveryUnknown: the request left and no usable answer came back.
        """
        given = _between(phone_numbers) if isinstance(phone_numbers, str) else phone_numbers
        numbers = listed(given) or ()
        refuse(_test_problems(campaign_id, numbers, sender))
        params = {"phoneNumbers": ";".join(number.strip() for number in numbers)}
        if sender is not None:
            params["sender"] = sender
        return await self._put(_TEST, campaign_id, params)

    async def cancel(self, campaign_id: int) -> Campaign:
        """Cancel a scheduled campaign, up to 10 seconds before its date; it becomes a draft.

        Guide: 2.8. The guide does not say what the server answers: a field that is not in the
        answer is None.

        Raises:
            InvalidRequest: an argument is wrong; no request was made.
            Conflict: the campaign is not scheduled, or it is too late.
        """
        refuse(campaign_id_problems(campaign_id))
        return _campaign_or_answer(await self._api.call(_CANCEL, campaign_id=campaign_id))

    def send_many(
        self,
        requests: Iterable[CampaignRequest] | AsyncIterable[CampaignRequest],
        *,
        limit: int | None = None,
        ordered: bool = False,
        stop_on: StopOn[CampaignRequest, Campaign] | None = None,
        prepare_only: bool = False,
        auto_list: bool = False,
        preflight: bool = False,
    ) -> Outcomes[CampaignRequest, Campaign]:
        """Send or prepare any number of campaigns, several at once.

        Guide: 2.1. Each is a request of its own, as `send` and `prepare` make it.

        An error becomes the outcome of its request and stops nothing else, unless `stop_on`
        says so. A batch that is left early says in `Outcomes.unfinished` what may have been sent.

        Args:
            requests: the campaigns; read as calls end, never all at once.
            limit: campaigns under way at once; the session's `max_in_flight` by default.
            ordered: give outcomes in the order of the requests, instead of as they come.
            stop_on: errors, or a function of an `Outcome`, after which no campaign is begun.
            prepare_only: make drafts instead.
            auto_list: upload the recipients of a request as a list when they are more than 50.
            preflight: as in `send`, for each of them.

        Returns:
            The outcomes, one for each request, to be iterated over with `async for`.

        Raises:
            ConfigurationError: for a wrong `limit` or `stop_on`.
        """
        call = self.prepare if prepare_only else self.send
        action = partial(call, auto_list=auto_list, preflight=preflight)
        wanted = self._api.max_in_flight if limit is None else limit
        return map_bounded(action, requests, limit=wanted, ordered=ordered, stop_on=stop_on)

    def launch_many(
        self,
        campaign_ids: Iterable[int] | AsyncIterable[int],
        *,
        sender: str | None = None,
        limit: int | None = None,
        ordered: bool = False,
        stop_on: StopOn[int, Campaign] | None = None,
    ) -> Outcomes[int, Campaign]:
        """Launch any number of prepared campaigns, several at once.

        Guide: 2.1.3.2. Each is a request of its own, as `launch` makes it.

        Args:
            campaign_ids: the numbers that `prepare` answered; read as calls end.
            sender: another sender than the drafts', for all of them.
            limit: launches under way at once; the session's `max_in_flight` by default.
            ordered: give outcomes in the order of the numbers, instead of as they come.
            stop_on: errors, or a function of an `Outcome`, after which nothing is launched.

        Returns:
            The outcomes, one for each number, to be iterated over with `async for`.

        Raises:
            ConfigurationError: for a wrong `limit` or `stop_on`.
            InvalidRequest: for a wrong sender.
        """
        refuse(sender_problems(sender))
        action = partial(self.launch, sender=sender)
        wanted = self._api.max_in_flight if limit is None else limit
        return map_bounded(action, campaign_ids, limit=wanted, ordered=ordered, stop_on=stop_on)

    async def preflight(
        self,
        request: CampaignRequest,
        rows: Rows | None = None,
        *,
        credit: float | None = None,
        max_segments: int = 1,
        conditions: Conditions | None = None,
    ) -> Preflight:
        """Return who would get a campaign, what it costs and what may go wrong; nothing is sent.

        Guide: 2.1, 2.11. What the API's rules refuse comes first among the problems, as
        INVALID_REQUEST. Where that is the message or the recipients, nothing else is in the
        report.

        Args:
            request: the campaign; its own recipients, any number of them, are looked at first.
            rows: the recipients of its lists, uploaded already or not: mappings from column to
                value, read once and not kept, or what `session.lists.upload` returned.
            credit: the credits of the account; None, the default, when they are not known.
            max_segments: segments that the account allows in a message, 1 to 6; 1 by default.
            conditions: legal hours, length of short links, present time; by default those of
                `Conditions`, with the time zone of the session's dialect.

        Raises:
            InvalidRequest: `rows` are of another kind.
            ValueError: `max_segments` is out of range.
            PreviewNotInstalled: the template needs an engine that is not installed.
        """
        # To import the preflight takes longer than to send a campaign.
        from mediasflow_async.resources.preflights import validated_preflight

        return await validated_preflight(
            request,
            rows,
            self._api.dialect,
            credit=credit,
            max_segments=max_segments,
            conditions=conditions,
        )

    async def _refuse_problems(self, request: CampaignRequest) -> None:
        from mediasflow_async.resources.preflights import problems_of

        refuse(problems_of(await self.preflight(request)), request.campaign_id)

    async def _with_list(self, request: CampaignRequest) -> CampaignRequest:
        uploaded = await self._lists.upload(
            recipient_rows(request.recipients),
            filename=f"{request.campaign_name or 'campaign'}.csv",
            user_owner_id=request.user_owner_id,
        )
        return evolve(request, recipients=(), list_ids=(*request.list_ids, uploaded.id))

    async def _put(
        self, operation: Operation, campaign_id: int, params: Mapping[str, str]
    ) -> Campaign:
        """Make a PUT with its parameters where the dialect wants them (Guide: 2.2, 2.3)."""
        dialect = self._api.dialect
        where = dialect.put_params
        try:
            answer = await self._api.call(
                operation,
                campaign_id=campaign_id,
                params=params if where == "query" else None,
                form=params if where == "form" else None,
                json=params if where == "json" else None,
                content_type=dialect.put_content_type,
            )
        except MediasflowError as error:
            name_cures(error, operation, _other_puts(params, dialect))
            raise
        return _campaign_or_answer(answer)


def _operation(campaign_id: int | None, *, start_now: bool) -> Operation:
    if not start_now:
        return _PREPARE
    return _SEND if campaign_id is None else _LAUNCH


def _other_forms(request: CampaignRequest, dialect: Dialect) -> dict[str, tuple[str, ...]]:
    """Return the options of a dialect that write what this request has in another form."""
    forms: dict[str, tuple[str, ...]] = {}
    if request.list_ids:
        forms[f"lists_id_as_scalar={not dialect.lists_id_as_scalar}"] = ("listsId",)
    if any(isinstance(each, Recipient) and each.fields for each in request.recipients):
        other = "object" if dialect.extended_keys_as == "pairs" else "pairs"
        forms[f"extended_keys_as={other!r}"] = ("extendedKeys", "keyName")
    if request.schedule_on is not None:
        zone = "Europe/Paris" if dialect.schedule_tz.key == "UTC" else "UTC"
        forms[f"schedule_tz={zone!r}"] = ("schedule",)
    if request.check_duplicate is not None:
        shapes = {"boolean", "text", "capitals"} - {dialect.check_duplicate_as}
        for shape in sorted(shapes, reverse=True):
            forms[f"check_duplicate_as={shape!r}"] = ("duplicate",)
    if any(link.end_of_life is not None for link in request.tiny_urls):
        other = "date" if dialect.end_of_life_as == "days" else "days"
        forms[f"end_of_life_as={other!r}"] = ("endOfLife",)
    if request.image_preview is not None:
        other = "link" if dialect.image_preview_in == "campaign" else "campaign"
        forms[f"image_preview_in={other!r}"] = ("image",)
    if request.zip_local is not None:
        other = "link" if dialect.zip_local_in == "campaign" else "campaign"
        forms[f"zip_local_in={other!r}"] = ("zip", "nameToLocalHTML")
        name = "b64ZipLoccal" if dialect.zip_local_field == "b64ZipLocal" else "b64ZipLocal"
        forms[f"zip_local_field={name!r}"] = ("zip", "nameToLocalHTML")
    return forms


def _other_puts(params: Mapping[str, str], dialect: Dialect) -> dict[str, tuple[str, ...]]:
    """Return the options of a dialect that make a PUT in another form."""
    places = [place for place in ("query", "form", "json") if place != dialect.put_params]
    kinds = [kind for kind in (JSON_TYPE, FORM_TYPE) if kind != dialect.put_content_type]
    return {
        **{f"put_params={place!r}": (*params, *_MEDIA) for place in places},
        **{f"put_content_type={kind!r}": _MEDIA for kind in kinds},
    }


_MEDIA: Final = ("media type", "media_type", "mediatype", "content-type", "content type")


def _is_long(recipients: object) -> bool:
    return isinstance(recipients, tuple) and len(recipients) > MAX_INLINE_RECIPIENTS


def _between(numbers: str) -> list[str]:
    """Return the numbers of a text as the guide writes them: `33685812475; 33685812476`."""
    parts = [part.strip() for part in numbers.split(";")]
    return [part for part in parts if part] or parts[:1]


def _test_problems(
    campaign_id: int, numbers: tuple[Any, ...], sender: str | None
) -> Iterable[Problem]:
    yield from campaign_id_problems(campaign_id)
    yield from sender_problems(sender)
    if not numbers:
        yield Problem("phone_numbers", "a number, or a list with at least one")
    for index, number in enumerate(numbers):
        yield from number_problems(f"phone_numbers[{index}]", number)


def _campaign_or_answer(answer: ApiResponse) -> Campaign:
    """Return the campaign that an answer describes, or else its number, with the answer in `raw`.

    For functions of which the guide does not say what they answer: it need not be a campaign.
    """
    payload = answer.payload
    if not isinstance(payload, dict):
        return Campaign(id=answer.campaign_id or 0, raw={"answer": answer.data})
    return _campaign_in(answer)


def _campaign_in(answer: ApiResponse) -> Campaign:
    """Return the campaign that an answer describes, under the id that was judged.

    An answer may hold the id in one member, and something else in another that is called like it.
    """
    payload = answer.payload
    if readable_id(payload.get("id")) is not None:
        return answer.read(Campaign)
    number = campaign_id_in(payload) or answer.campaign_id
    others = {name: payload[name] for name in payload if not _repeats(name, payload[name], number)}
    campaign = value_of(answer.understood({**others, "id": number}, Campaign))
    return evolve(campaign, raw=payload)


def _repeats(name: str, value: object, number: int | None) -> bool:
    """Whether a member is the id of a campaign in another spelling, or has no value for it."""
    return folded(name) in CAMPAIGN_IDS and (value is None or readable_id(value) == number)
