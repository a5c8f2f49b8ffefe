"""What keeps an unknown outcome from becoming two mails or none, and runs in order."""

from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from mailboxes.providers.base import TryAgain, Unknown, Verdict
from sequences.engine import consequences, moves, outcomes, settling, suppressing
from sequences.models import Attempt, Enrollment, Suppression, Touch, enrollment
from sequences.models.touch import TouchQuerySet
from sequences.rules import retries
from tests.simulation import admin, far_side
from tests.simulation.guards import mutant, put

# Lost workers and unknown outcomes


@mutant("reaper: puts back after the wire")
def requeue(patches: ExitStack) -> None:
    original = settling.reap

    def reap(touch_id: int, at: Any) -> bool:
        Attempt.objects.filter(touch=touch_id, outcome="").update(wire_at=None)
        return original(touch_id, at)

    put(patches, settling, "reap", reap)


@mutant("reaper: deletes after the wire")
def delete(patches: ExitStack) -> None:
    original = moves.become_uncertain

    def become_uncertain(run: Any, touch: Touch, attempt_id: int, words: str, at: Any) -> None:
        if touch.lease_until and touch.lease_until >= at:
            return original(run, touch, attempt_id, words, at)
        moves.close(attempt_id, Attempt.Outcome.ABANDONED, words=words, at=at)
        moves.release(attempt_id)
        return touch.move("deleted", allowed=[Touch.Status.SENDING], to=Touch.Status.CANCELLED)

    put(patches, moves, "become_uncertain", become_uncertain)


@mutant("SMTP: sent again by itself")
def smtp_again(patches: ExitStack) -> None:
    original = settling.still_unknown

    def still_unknown(touch_id: int, at: Any, **more: Any) -> None:
        checks = Touch.objects.values_list("checks", flat=True).get(pk=touch_id)
        if retries.next_check(checks + 1) is None:
            settling.was_not_sent(touch_id)
        else:
            original(touch_id, at, **more)

    put(patches, settling, "still_unknown", still_unknown)


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
        mine = Touch.objects.filter(pk=claim.touch.pk, lease_token=claim.token, status="sending")
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
    put(patches, far_side.Account, "lease", timedelta(seconds=5))
    put(patches, far_side.SMTP, "lease", timedelta(seconds=5))


# Runs


@mutant("steps: all given their time at once")
def no_step_order(patches: ExitStack) -> None:
    original = Enrollment.schedule_next

    def schedule_next(self: Enrollment, at: Any, *plan: Any) -> None:
        original(self, at, *plan)
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
    original = enrollment.block

    def block(plan: Any) -> Any:
        return original([touch for touch in plan if touch.status != Touch.Status.FAILED])

    put(patches, enrollment, "block", block)


@mutant("retries: without end")
def endless(patches: ExitStack) -> None:
    original = retries.wait_after

    def wait_after(attempts: int, *, smtp: bool = False) -> Any:
        return original(min(attempts, 4), smtp=smtp)

    put(patches, retries, "wait_after", wait_after)
