"""The fault table notices a proof that lies: it is known to be able to fail."""

from __future__ import annotations

from typing import Final

import pytest

from mediasflow_async import Sent
from mediasflow_async._core import progress
from mediasflow_async._core.proof import Proof
from tests.faults import stages
from tests.faults.launches import ending, session_at
from tests.faults.misbehaving import serving
from tests.faults.rows import Row, launch_well, wrong_with
from tests.faults.test_guarded import Gate, wrong_with_veto

pytestmark = [pytest.mark.anyio, pytest.mark.every_transport]

_LIE: Final = "NOT_SENT is wrong"


class LyingProof(Proof):
    """Sees what leaves, and denies it."""

    __slots__ = ()

    @property
    def verdict(self) -> Sent:
        return Sent.NOT_SENT


class BlindProof(Proof):
    """Is believed, and is told nothing before the first byte leaves: nor is the guard."""

    __slots__ = ()

    def leaving(self) -> None:
        pass


@pytest.mark.parametrize("proof", [LyingProof, BlindProof])
@pytest.mark.parametrize("row", stages.ROWS.values(), ids=stages.ROWS)
async def test_a_wrong_proof_is_found_out(
    row: Row, proof: type[Proof], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "Proof", proof)
    async with serving(row.does) as site:
        error = await ending(row, site, session_at(site, "plain"))
        wrong = await wrong_with(row, site, error)
    assert any(_LIE in line for line in wrong)
    # What it leads to is what the promise is about: the launch was repeated.
    assert ("launched 4 times" in wrong) == (row.processed == 1)


async def test_a_guard_that_nobody_asks_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "Proof", BlindProof)
    async with serving(launch_well) as site:
        wrong = await wrong_with_veto(site, session_at(site, "plain"), Gate())
    assert "the veto had no effect" in wrong
    assert any("bytes left" in line for line in wrong)
