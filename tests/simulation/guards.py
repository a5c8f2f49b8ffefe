"""The guards of the send path, each with a way to take it away.

A mutant that other guards make up for is `harmless`, and says which ones.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from django.db.models import F

from mailboxes.models import Ledger
from mailboxes.providers.base import TryAgain, Unknown, Verdict
from sequences.engine import (
    claiming,
    clocks,
    consequences,
    explain,
    outcomes,
    pacing,
    sending,
    suppressing,
)
from sequences.models import Attempt, Enrollment, Suppression, Touch
from sequences.models.touch import TouchQuerySet
from sequences.rules import retries
from tests.simulation import far_side

Patch = Callable[[ExitStack], None]


@dataclass(frozen=True)
class Mutant:
    take_away: Patch
    harmless: str = ""


MUTANTS: dict[str, Mutant] = {}


def mutant(name: str, harmless: str = "") -> Callable[[Patch], Patch]:
    def keep(take_away: Patch) -> Patch:
        MUTANTS[name] = Mutant(take_away, harmless)
        return take_away

    return keep


def put(patches: ExitStack, owner: Any, name: str, value: Any) -> None:
    patches.enter_context(patch.object(owner, name, value))


def yes(*_: Any, **__: Any) -> bool:
    return True


# The gate


@mutant("gate: no epoch", harmless="the run's status and the standing facts say the same")
def no_epoch(patches: ExitStack) -> None:
    put(patches, sending, "same_epoch", yes)


@mutant("gate: no look at run, sequence and workspace")
def no_run(patches: ExitStack) -> None:
    put(patches, explain, "STANDING", tuple(r for r in explain.STANDING if r.__name__ != "_run"))


@mutant("gate: neither epoch nor run")
def neither_epoch_nor_run(patches: ExitStack) -> None:
    no_epoch(patches)
    blind_gate(patches, {"_run", "_text", "_person"})
    original = sending._closed

    def closed(claim: Any, run: Enrollment, *rest: Any) -> str:
        found = original(claim, run, *rest)
        return "" if found == "run" else found

    put(patches, sending, "_closed", closed)


def blind_gate(patches: ExitStack, rules: set[str]) -> None:
    """Let the gate, and only the gate, leave out some of the standing facts."""
    original = sending.still_allowed
    fewer = tuple(rule for rule in explain.STANDING if rule.__name__ not in rules)

    def still_allowed(*given: Any) -> bool:
        with patch.object(explain, "STANDING", fewer):
            return original(*given)

    put(patches, sending, "still_allowed", still_allowed)


@mutant("gate: no window")
def no_window(patches: ExitStack) -> None:
    put(patches, clocks, "are_open", yes)


@mutant("gate: no day")
def no_day(patches: ExitStack) -> None:
    put(patches, sending, "same_day", yes)


@mutant("gate: no suppression", harmless="suppressing ends the run in the same transaction")
def no_suppression(patches: ExitStack) -> None:
    blind_gate(patches, {"_person"})


@mutant("gate: no facts at all")
def no_facts(patches: ExitStack) -> None:
    put(patches, sending, "still_allowed", yes)


@mutant("gate: no lease", harmless="the budget is shorter than every lease")
def no_lease(patches: ExitStack) -> None:
    original = sending.pass_gate

    def pass_gate(claim: Any, *rest: Any, **named: Any) -> bool:
        return original(adopt(claim), *rest, **named)

    put(patches, sending, "pass_gate", pass_gate)


@mutant("gate: no budget", harmless="the lease is asked for as well")
def no_budget(patches: ExitStack) -> None:
    original = sending.pass_gate

    def pass_gate(claim: Any, *rest: Any, **named: Any) -> bool:
        return original(replace(claim, claimed_at=sending.database_now()), *rest, **named)

    put(patches, sending, "pass_gate", pass_gate)


@mutant("gate: neither lease nor budget")
def neither_lease_nor_budget(patches: ExitStack) -> None:
    no_budget(patches)
    no_lease(patches)


def adopt(claim: Any) -> Any:
    """Take whatever claim stands now for one's own."""
    token = Touch.objects.values_list("lease_token", flat=True).get(pk=claim.touch.pk)
    newest = Attempt.objects.filter(touch=claim.touch.pk).latest("number")
    return replace(claim, token=token, attempt=newest, epoch=newest.epoch)


# Limits


def reserve_always(
    ledger: Any, owner_id: int, day: Any, limit: int, count: int = 1, sent: Any = int
) -> bool:
    row, _ = ledger._default_manager.get_or_create(
        **{f"{ledger.OWNER}_id": owner_id, "day": day}, defaults={"quota": limit}
    )
    more = {name: F(name) + count for name in ("reserved", "quota")}
    ledger.of(owner_id, day).update(**more)
    return True


def nothing_is_full(*_: Any) -> tuple[()]:
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
    original = outcomes._become_uncertain

    def become_uncertain(run: Any, touch: Any, attempt_id: int, *rest: Any) -> None:
        original(run, touch, attempt_id, *rest)
        outcomes._release(attempt_id)

    put(patches, outcomes, "_become_uncertain", become_uncertain)


# Lost workers and unknown outcomes


@mutant("reaper: puts back after the wire")
def requeue(patches: ExitStack) -> None:
    original = outcomes.reap

    def reap(touch_id: int, at: Any) -> bool:
        Attempt.objects.filter(touch=touch_id, outcome="").update(wire_at=None)
        return original(touch_id, at)

    put(patches, outcomes, "reap", reap)


@mutant("reaper: deletes after the wire")
def delete(patches: ExitStack) -> None:
    original = outcomes._become_uncertain

    def become_uncertain(run: Any, touch: Touch, attempt_id: int, words: str, at: Any) -> None:
        if touch.lease_until and touch.lease_until >= at:
            return original(run, touch, attempt_id, words, at)
        outcomes._close(attempt_id, Attempt.Outcome.ABANDONED, words=words, at=at)
        outcomes._release(attempt_id)
        return touch.move("deleted", allowed=[Touch.Status.SENDING], to=Touch.Status.CANCELLED)

    put(patches, outcomes, "_become_uncertain", become_uncertain)


@mutant("SMTP: sent again by itself")
def smtp_again(patches: ExitStack) -> None:
    original = outcomes.still_unknown

    def still_unknown(touch_id: int, at: Any) -> None:
        checks = Touch.objects.values_list("checks", flat=True).get(pk=touch_id)
        if retries.next_check(checks + 1) is None:
            outcomes.was_not_sent(touch_id)
        else:
            original(touch_id, at)

    put(patches, outcomes, "still_unknown", still_unknown)


@mutant("unknown: taken for a passing fault")
def unknown_is_passing(patches: ExitStack) -> None:
    original = outcomes.settle_refusal

    def settle_refusal(claim: Any, problem: Any) -> None:
        original(claim, TryAgain(problem.words) if isinstance(problem, Unknown) else problem)

    put(patches, outcomes, "settle_refusal", settle_refusal)


@mutant("facts: fenced by the lease", harmless="the provider or a person is asked instead")
def facts_fenced(patches: ExitStack) -> None:
    original = outcomes.settle_accepted

    def settle_accepted(claim: Any, receipt: Any) -> None:
        mine = Touch.objects.filter(pk=claim.touch_id, lease_token=claim.token, status="sending")
        if mine.exists():
            original(claim, receipt)

    put(patches, outcomes, "settle_accepted", settle_accepted)


@mutant("drafts: no fence")
def no_fence(patches: ExitStack) -> None:
    def tell(self: Any, held: Any) -> Verdict:
        return Verdict.SENT if held.state == "taken" else Verdict.NOT_SENT

    put(patches, far_side.Account, "tell", tell)
    put(patches, far_side.Graph, "tell", tell)


@mutant("providers: the library sends again")
def library_resends(patches: ExitStack) -> None:
    original = far_side.Account.accept

    def accept(self: Any, held: Any, luck: Any) -> Any:
        if self.forgets and luck.random() < 0.05:
            self.net.take(self.server, held)
        return original(self, held, luck)

    put(patches, far_side.Account, "accept", accept)


@mutant("lease: shorter than an answer takes", harmless="costs questions, and people's time")
def short_lease(patches: ExitStack) -> None:
    from datetime import timedelta

    put(patches, far_side.Account, "lease", timedelta(seconds=5))
    put(patches, far_side.SMTP, "lease", timedelta(seconds=5))


# Runs


@mutant("steps: all given their time at once")
def no_step_order(patches: ExitStack) -> None:
    original = Enrollment.schedule_next

    def schedule_next(self: Enrollment, at: Any) -> None:
        original(self, at)
        if self.status in self.SENDING:
            for touch in self.touches.filter(status=Touch.Status.DRAFT).select_related("step"):
                touch.schedule(self, at)

    put(patches, Enrollment, "schedule_next", schedule_next)


@mutant("suppression: does not end runs")
def suppression_alone(patches: ExitStack) -> None:
    def suppress(workspace: Any, value: str, *, reason: str, source: str, by: Any = None) -> Any:
        return Suppression.everywhere.get_or_create(
            workspace=workspace, value=value, defaults={"reason": reason, "source": source}
        )[0]

    from tests.simulation import admin

    for module in (suppressing, outcomes, consequences):
        put(patches, module, "suppress", suppress)
    put(patches, admin, "put_on_list", suppress)


@mutant("stop: leaves what waits")
def stop_leaves_waiting(patches: ExitStack) -> None:
    put(patches, TouchQuerySet, "cancel", lambda self: None)


@mutant("answers: do not stop")
def answers_ignored(patches: ExitStack) -> None:
    put(patches, consequences, "answered", lambda *_, **__: None)


@mutant("edits: the approval stands")
def edits_keep_approval(patches: ExitStack) -> None:
    original = Touch.rewrite

    def rewrite(self: Touch, run: Any, *, subject: str, body: str, by: Any) -> None:
        kept = {name: getattr(self, name) for name in ("approved_at", "approved_by", "due_at")}
        text, status = self.approved_hash, self.status
        original(self, run, subject=subject, body=body, by=by)
        Touch.objects.filter(pk=self.pk).update(approved_hash=text, status=status, **kept)

    put(patches, Touch, "rewrite", rewrite)


@mutant("failed step: nobody is told")
def failed_unseen(patches: ExitStack) -> None:
    original = TouchQuerySet.block

    def block(self: Any) -> Any:
        return original(self.exclude(status=Touch.Status.FAILED))

    put(patches, TouchQuerySet, "block", block)


@mutant("retries: without end")
def endless(patches: ExitStack) -> None:
    original = retries.wait_after

    def wait_after(attempts: int, *, smtp: bool = False) -> Any:
        return original(min(attempts, 4), smtp=smtp)

    put(patches, retries, "wait_after", wait_after)
