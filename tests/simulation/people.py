"""The person at the desk: reviews, changes their mind, and deals with what waits for them."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from outreach.prepared import Prepared
from outreach.transitions import IllegalTransition
from sequences.models import Enrollment, NotReady, TextChanged, Touch
from tests.simulation import admin, archive, contacts, edges, inboxes, product, rows
from tests.simulation.far_side import Accepted
from tests.simulation.world import Run, any_of, body_of, subject_of

if TYPE_CHECKING:
    from tests.simulation.driver import Simulation

ARRIVALS = [0, 0, 0, 1, 1, 2, 4]
HOUR, DAY = 3600, 86400

UNFINISHED = Prepared(
    lambda: Enrollment.everywhere.unfinished().order_by().values_list("pk", "status")
)
BLOCKED = Prepared(lambda: Enrollment.everywhere.exclude(blocked_by="").order_by("pk"))


def attempt(sim: "Simulation", words: str, verb: Callable[[], object]) -> bool:
    """Press a button; False when the product says that it is too late."""
    try:
        verb()
    except (NotReady, IllegalTransition, TextChanged) as no:
        sim.note(f"{words}: no, {type(no).__name__}")
        return False
    sim.judge.next_order()
    sim.note(words)
    return True


# The plan


def plan(sim: "Simulation") -> None:
    """Plan the days, each from the one before."""
    sim.on(sim.at, lambda: day(sim, 1))


def day(sim: "Simulation", number: int) -> None:
    rows.look(sim)
    if number % archive.EVERY == 0:
        archive.put_away(sim)
    morning = sim.luck.randint(0, DAY)
    for _ in range(any_of(sim.luck, ARRIVALS)):
        sim.soon(morning, morning + HOUR, lambda: arrive(sim))
    sim.soon(0, DAY, lambda: visit(sim))
    if sim.chance(0.5 * sim.rates.trouble):
        sim.soon(0, DAY, lambda: admin.trouble(sim))
    if number < sim.days:
        sim.on(sim.at + timedelta(days=1), lambda: day(sim, number + 1))


def arrive(sim: "Simulation") -> None:
    run = sim.enroll()
    sim.soon(0, any_of(sim.luck, [HOUR, 20 * HOUR]), lambda: approve(sim, run))
    for act, rate in ((stop, 0.05), (pause, 0.1), (admin.suppress, 0.03), (edit, 0.08)):
        if sim.chance(rate):
            sim.soon(0, 8 * DAY, lambda act=act: act(sim, run))


# Verbs


def approve(sim: "Simulation", run: Run) -> None:
    """Approve what is shown, sometimes twice, sometimes to take it back at once."""
    shown = run.fresh()
    drafts = [(t.position, t.subject, t.body) for t in shown.open_drafts()]
    by, token = sim.world.person, shown.approval_token()
    if not attempt(sim, f"{run} approved", lambda: shown.approve(by=by, shown=token)):
        return
    run.approved |= {position: (subject, body) for position, subject, body in drafts}
    run.pending = False
    if sim.chance(0.1) and not attempt(
        sim, f"{run} approved again", lambda: run.fresh().approve(by=by, shown=token)
    ):
        sim.hit("double click refused")
    if sim.chance(0.1):
        sim.soon(0, 15, lambda: undo(sim, run))
    if sim.chance(0.5):
        sim.soon(12, HOUR, lambda: edges.aim(sim, run))
    sim.look_again()


def undo(sim: "Simulation", run: Run) -> None:
    undone: list[str] = []
    by = sim.world.person
    if not attempt(sim, f"{run} undone", lambda: undone.append(run.fresh().undo(by=by))):
        return
    sim.hit(f"{undone[0]} undone")
    if undone == ["stop"]:
        run.closed = ""
    else:
        run.approved.clear()
        run.pending = True
        sim.soon(HOUR, DAY, lambda: approve(sim, run))
    sim.look_again()


def stop(sim: "Simulation", run: Run) -> None:
    by = sim.world.person
    if attempt(sim, f"{run} stopped", lambda: run.fresh().stop(by=by)):
        run.closed = "stopped"
        if sim.chance(0.2):
            sim.soon(0, 12, lambda: undo(sim, run))


def pause(sim: "Simulation", run: Run) -> None:
    by, until = sim.world.person, None
    if sim.chance(0.5):
        until = sim.at + timedelta(minutes=sim.luck.randint(1, 3000))
    if not attempt(sim, f"{run} paused", lambda: run.fresh().pause(by=by, until=until)):
        return
    run.paused = True
    if until:
        sim.on(until, lambda: admin.by_the_clock(sim))
    else:
        sim.soon(60, 2 * DAY, lambda: resume(sim, run))


def resume(sim: "Simulation", run: Run) -> None:
    if attempt(sim, f"{run} resumed", lambda: run.fresh().resume(by=sim.world.person)):
        run.paused = False
        sim.look_again()


def edit(sim: "Simulation", run: Run) -> None:
    """Put other words into a step that may be on its way; approve them some hours later."""
    position = sim.luck.randint(1, run.steps)
    run.wording += 1
    touch, by = run.touch(position), sim.world.person
    subject = subject_of(run.number) if position == 1 else ""
    body = body_of(run.number, position, run.wording)
    words = f"{run} {run.key(position)} edited"
    if not attempt(sim, words, lambda: touch.edit(subject=subject, body=body, by=by)):
        return
    run.approved.pop(position, None)
    sim.judge.tries[run.key(position)] = 0
    if run.fresh().status == Enrollment.Status.PENDING_APPROVAL:
        run.pending = True
    sim.soon(HOUR, 10 * HOUR, lambda: approve_one(sim, run, position))
    sim.look_again()


def approve_one(sim: "Simulation", run: Run, position: int) -> None:
    me, touch = run.fresh(), run.touch(position)
    token, by = touch.approval_token(me), sim.world.person
    words = f"{run} {run.key(position)} approved"
    if attempt(sim, words, lambda: me.approve_touch(touch, by=by, shown=token)):
        run.approved[position] = touch.subject, touch.body
        run.pending = run.fresh().status == Enrollment.Status.PENDING_APPROVAL
        sim.look_again()


def retry(sim: "Simulation", run: Run, touch: Touch) -> None:
    words = f"{run} {run.key(touch.position)} retried"
    if attempt(sim, words, lambda: touch.retry(by=sim.world.person)):
        sim.hit("failed step retried")
        sim.judge.tries[run.key(touch.position)] = 0


def skip(sim: "Simulation", run: Run, touch: Touch) -> None:
    words = f"{run} {run.key(touch.position)} skipped"
    if attempt(sim, words, lambda: touch.skip(by=sim.world.person)):
        run.passed.add(touch.position)


def decide(sim: "Simulation", run: Run, touch: Touch) -> None:
    """Say what became of a mail that no provider can tell about; a person may be wrong."""
    key = run.key(touch.position)
    truth = key in sim.judge.taken
    said = truth and not sim.chance(0.15)
    if not product.decide(touch, was_sent=said, by=sim.world.person):
        return
    sim.note(f"{run} {key} decided: {'it was sent' if said else 'send it again'}")
    sim.hit("a person decided")
    if said:
        sim.judge.say_sent(run, touch.position)
    else:
        sim.judge.order_again(run, touch.position)


# What waits for a person


def visit(sim: "Simulation") -> None:
    """Look through the needs-a-person list and deal with each entry."""
    admin.reconnect(sim)
    blocked = BLOCKED.rows()
    runs = {run.enrollment.pk: run for run in sim.runs} if blocked else {}
    for enrollment in blocked:
        run = runs[enrollment.pk]
        if enrollment.blocked_position is None:
            continue
        touch = run.touch(enrollment.blocked_position)
        if enrollment.blocked_by == Enrollment.Block.UNCERTAIN_TOUCH:
            decide(sim, run, touch)
        elif enrollment.blocked_by == Enrollment.Block.UNAPPROVED_TOUCH:
            approve_one(sim, run, touch.position)
        elif sim.chance(0.2):
            skip(sim, run, touch)
        else:
            retry(sim, run, touch)
    sim.look_again()


def put_right(sim: "Simulation") -> None:
    """After the faults: end every pause, approve what waits, and come by until all is done."""
    admin.end_halts(sim)
    statuses = dict(UNFINISHED.rows())
    for run in sim.runs:
        status = statuses.get(run.enrollment.pk)
        if status == Enrollment.Status.PAUSED:
            resume(sim, run)
        elif status == Enrollment.Status.PENDING_APPROVAL:
            approve(sim, run)
    visit(sim)
    if not sim.is_over():
        sim.soon(6 * HOUR, 10 * HOUR, lambda: put_right(sim))


# What follows from a send


def cross(sim: "Simulation", run: Run) -> str:
    """Do something to a run, or around it, while a worker has it; returns what."""
    acts = [stop, stop, pause, undo, edit, admin.suppress, contacts.answer_at_once, *admin.HALTS]
    act = any_of(sim.luck, acts)
    act(sim, run)
    return act.__name__


def after_result(sim: "Simulation", run: Run, touch: Touch) -> None:
    """Take in what the product makes of an answer."""
    if touch.enrollment.end_reason == Enrollment.EndReason.BOUNCED and not run.closed:
        admin.close_all(sim, run.address, "bounced")
    if touch.status == Touch.Status.FAILED and touch.attempts_made >= 5:
        sim.hit("failed after five attempts")


def after_delivery(sim: "Simulation", run: Run, entry: Accepted) -> None:
    """Somebody has got a mail, and may answer it."""
    has_more = entry.key != run.key(run.steps)
    if run.kind == inboxes.KIND and has_more and sim.chance(0.6):
        sim.soon(15, 90, lambda: inboxes.answer_in_time(sim, run, entry))
    elif sim.chance(0.12):
        sim.soon(30, DAY, lambda: contacts.answer(sim, run, entry))
    if sim.chance(0.6):
        sim.soon(HOUR, 2 * HOUR, lambda: edges.aim(sim, run))
