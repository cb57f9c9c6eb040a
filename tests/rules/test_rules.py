"""The main job on every plausible server: right, or an error that says what helps.

`MEDIASFLOW_RULE_PAIRS=200` runs more pairs of rules, `MEDIASFLOW_RULE_SEED` others.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from mediasflow_async import Dialect
from mediasflow_async.delivery import State
from mediasflow_async.sandbox import DeliveryPlan, Sandbox, ServerRules
from tests.rules.cases import CASES, Case
from tests.rules.expectations import FAILING, NOT_YET, UNSEEN, WAITING, Failing
from tests.rules.main_job import MainJob
from tests.support.sessions import session_at

pytestmark = [
    pytest.mark.anyio,
    # Of servers that read a period in one time zone and write dates in another.
    pytest.mark.filterwarnings("default::mediasflow_async.RowsOutsideWarning"),
]

_PAIRS: Final = int(os.environ.get("MEDIASFLOW_RULE_PAIRS", "25"))
_SEED: Final = int(os.environ.get("MEDIASFLOW_RULE_SEED", "12"))
_SECONDS: Final = 10
# Of a server that never has a report ready, which is waited for.
_SECONDS_OF_DELAY: Final = 3
_PATIENCE_SECONDS: Final = 15
_SHORT_SECONDS: Final = 3
_RIGHT: Final = Failing(frozenset(), "")
_CURES: Final = {name: told.cure for name, told in {**FAILING, **UNSEEN}.items() if told.cure}


async def done(
    folder: Path, rules: ServerRules, dialect: Dialect | None = None, **options: Any
) -> MainJob:
    """Do the main job on a server."""
    sandbox = Sandbox(rules=rules, delivery=DeliveryPlan.instant())
    with sandbox.serve_in_thread():
        deadline = _SECONDS_OF_DELAY if rules.report_delay == "always" else _SECONDS
        session = session_at(sandbox, deadline=deadline, dialect=dialect)
        job = MainJob(sandbox, session, folder, **options)
        await job.run()
    return job


def marked(cases: Iterable[Case], failing: Mapping[str, str] = {}) -> list[Any]:
    """Return the cases as parameters; those that are `failing` are expected to."""
    return [
        pytest.param(
            case,
            id=case.name,
            marks=[pytest.mark.xfail(reason=failing[case.name])] if case.name in failing else [],
        )
        for case in cases
    ]


@pytest.mark.parametrize("case", marked(CASES, NOT_YET))
async def test_on_each_server_every_step_is_right_or_says_what_helps(
    case: Case, tmp_path: Path
) -> None:
    waiting = WAITING.get(case.name, frozenset())
    patience = _SHORT_SECONDS if waiting else _PATIENCE_SECONDS
    job = await done(tmp_path, ServerRules(**case.rules), patience_seconds=patience)
    assert job.waiting <= waiting
    unseen = UNSEEN.get(case.name, _RIGHT).steps
    assert [what for what in job.wrong if what.partition(":")[0] not in unseen] == []
    expected = FAILING.get(case.name, _RIGHT)
    failed = {step: error for step, error in job.errors.items() if not step.startswith("refused")}
    assert failed.keys() <= expected.steps, failed
    assert not expected.always or failed.keys() == expected.steps, expected.steps - failed.keys()
    for step, error in failed.items():
        assert expected.says in str(error), step


@pytest.mark.parametrize("case", marked(case for case in CASES if case.name in _CURES))
async def test_the_option_that_an_error_names_helps(case: Case, tmp_path: Path) -> None:
    job = await done(tmp_path, ServerRules(**case.rules), Dialect(**_CURES[case.name]))
    assert job.wrong == []
    assert [step for step in job.errors if not step.startswith("refused")] == []


@pytest.mark.parametrize(
    "case",
    marked(case for case in CASES if case.name.startswith(("launch_answer", "launch_state"))),
)
async def test_what_a_launch_does_not_say_is_found_out(case: Case, tmp_path: Path) -> None:
    job = await done(tmp_path, ServerRules(**case.rules))
    assert job.states == {"sender": State.LAUNCHED, "sender_again": State.LAUNCHED}


def pairs() -> list[Any]:
    """Return random pairs of rules, of those that are read alone."""
    known = [case for case in CASES if case.name not in {**NOT_YET, **UNSEEN, **WAITING}]
    chance = random.Random(_SEED)  # noqa: S311  no secret
    found: list[Any] = []
    while len(found) < _PAIRS:
        first, second = chance.sample(known, 2)
        if not first.rules.keys() & second.rules.keys():
            rules = ServerRules(**{**first.rules, **second.rules})
            found.append(pytest.param(rules, id=f"{first.name} {second.name}"))
    return found


@pytest.mark.parametrize("rules", pairs())
async def test_on_no_server_anything_is_wrong(rules: ServerRules, tmp_path: Path) -> None:
    job = await done(tmp_path, rules)
    assert job.wrong == []
    assert job.waiting == set()
