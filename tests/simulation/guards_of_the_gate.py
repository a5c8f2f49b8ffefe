"""What holds a mail back at the claim and at the gate: stops, hours, leases, limits."""

from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from django.db.models import F

from mailboxes.models import Ledger
from sequences.engine import (
    claiming,
    clocks,
    explain,
    gate,
    listening,
    moves,
    pacing,
    replies,
)
from sequences.engine.listening import NEVER
from sequences.models import Attempt, Enrollment, Touch
from tests.simulation.guards import mutant, put


def yes(*_: Any, **__: Any) -> bool:
    return True


# The gate


@mutant("gate: no epoch", harmless="the run's status and the standing facts say the same")
def no_epoch(patches: ExitStack) -> None:
    put(patches, gate, "same_epoch", yes)


@mutant("gate: no look at run, sequence and workspace")
def no_run(patches: ExitStack) -> None:
    put(patches, explain, "STANDING", tuple(r for r in explain.STANDING if r.__name__ != "_run"))


@mutant("gate: neither epoch nor run")
def neither_epoch_nor_run(patches: ExitStack) -> None:
    no_epoch(patches)
    blind_gate(patches, {"_run", "_text", "_person"})
    original = gate._closed

    def closed(claim: Any, run: Enrollment, *rest: Any) -> str:
        found = original(claim, run, *rest)
        return "" if found == "run" else found

    put(patches, gate, "_closed", closed)


def blind_gate(patches: ExitStack, rules: set[str]) -> None:
    """Let the gate, and only the gate, leave out some of the standing facts."""
    original = gate.still_allowed
    fewer = tuple(rule for rule in explain.STANDING if rule.__name__ not in rules)

    def still_allowed(*given: Any) -> bool:
        with patch.object(explain, "STANDING", fewer):
            return original(*given)

    put(patches, gate, "still_allowed", still_allowed)


@mutant("gate: no window")
def no_window(patches: ExitStack) -> None:
    put(patches, clocks, "are_open", yes)


@mutant("gate: no day")
def no_day(patches: ExitStack) -> None:
    put(patches, gate, "same_day", yes)


@mutant("gate: no suppression", harmless="suppressing ends the run in the same transaction")
def no_suppression(patches: ExitStack) -> None:
    blind_gate(patches, {"_person"})


@mutant("gate: no facts at all")
def no_facts(patches: ExitStack) -> None:
    put(patches, gate, "still_allowed", yes)


@mutant("gate: no lease", harmless="the budget is shorter than every lease")
def no_lease(patches: ExitStack) -> None:
    original = gate.pass_gate

    def pass_gate(claim: Any, *rest: Any, **named: Any) -> bool:
        return original(adopt(claim), *rest, **named)

    put(patches, gate, "pass_gate", pass_gate)


@mutant("gate: no budget", harmless="the lease is asked for as well")
def no_budget(patches: ExitStack) -> None:
    original = gate.pass_gate

    def pass_gate(claim: Any, *rest: Any, **named: Any) -> bool:
        return original(replace(claim, claimed_at=gate.database_now()), *rest, **named)

    put(patches, gate, "pass_gate", pass_gate)


@mutant("gate: neither lease nor budget")
def neither_lease_nor_budget(patches: ExitStack) -> None:
    no_budget(patches)
    no_lease(patches)


def adopt(claim: Any) -> Any:
    """Take whatever claim stands now for one's own."""
    token = Touch.objects.values_list("lease_token", flat=True).get(pk=claim.touch.pk)
    newest = Attempt.objects.filter(touch=claim.touch.pk).latest("number")
    return replace(claim, token=token, attempt=newest, epoch=newest.epoch)


@mutant("inbox: not asked")
def no_inbox(patches: ExitStack) -> None:
    gate_without_inbox(patches)
    put(patches, listening, "known_until", lambda _, at: at)
    put(patches, listening, "wait", lambda *_: None)


@mutant("inbox: any reading of the last minutes")
def stale_inbox(patches: ExitStack) -> None:
    """Ask for a fresh reading, but not for one since the mail fell due."""

    def is_heard(facts: Any, at: Any) -> bool:
        return not listening.is_follow_up(facts) or is_fresh(facts.mailbox, at)

    put(patches, listening, "is_heard", is_heard)
    put(patches, listening, "known_until", lambda box, at: at if is_fresh(box, at) else NEVER)


@mutant("gate: no inbox", harmless="the claim asks, and what settles an answer ends the run")
def gate_without_inbox(patches: ExitStack) -> None:
    put(patches, listening, "is_heard", yes)


def is_fresh(mailbox: Any, at: Any) -> bool:
    return mailbox.heard_until(at) is not None


@mutant("inbox: read as soon as it was fetched")
def unsettled(patches: ExitStack) -> None:
    """Take an inbox for read before what came in was settled."""
    put(patches, replies, "settle_all_of", yes)


# Limits


def reserve_always(
    ledger: Any, owner_id: int, day: Any, limit: int, count: int = 1, sent: Any = int
) -> bool:
    ledger._default_manager.get_or_create(
        **{f"{ledger.OWNER}_id": owner_id, "day": day}, defaults={"quota": limit}
    )
    more = {name: F(name) + count for name in ("reserved", "quota")}
    ledger.of(owner_id, day).update(**more)
    return True


def nothing_is_full(*_: Any, **__: Any) -> tuple[()]:
    return ()


@mutant("limits: none")
def no_limits(patches: ExitStack) -> None:
    put(patches, Ledger, "reserve", classmethod(reserve_always))
    put(patches, pacing, "_exceeds_24_hours", lambda *_: False)
    put(patches, pacing.Look, "full", nothing_is_full)


@mutant("limits: read, then written")
def read_then_write(patches: ExitStack) -> None:
    put(patches, Ledger, "reserve", classmethod(reserve_always))
    put(patches, pacing, "_exceeds_24_hours", lambda *_: False)
    original = claiming._claim

    def claim(*given: Any) -> Any:
        # What was read when the worker looked for work still counts.
        with patch.object(pacing.Look, "full", nothing_is_full):
            return original(*given)

    put(patches, claiming, "_claim", claim)


@mutant("limits: given back when unknown")
def unknown_releases(patches: ExitStack) -> None:
    original = moves.become_uncertain

    def become_uncertain(run: Any, touch: Any, attempt_id: int, *rest: Any) -> None:
        original(run, touch, attempt_id, *rest)
        moves.release(attempt_id)

    put(patches, moves, "become_uncertain", become_uncertain)
