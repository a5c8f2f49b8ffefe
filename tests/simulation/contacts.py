"""The prospects: they answer, ask to be left alone, or are away."""

from email.message import EmailMessage
from typing import TYPE_CHECKING

from mailboxes.models import InboundMail
from outreach.prepared import Prepared
from sequences.models import Enrollment
from tests.simulation import admin, inboxes, product
from tests.simulation.far_side import Accepted
from tests.simulation.world import Run

if TYPE_CHECKING:
    from tests.simulation.driver import Simulation

TEXTS = {
    "interested": "Sounds interesting, thanks for writing. Could we talk on Thursday?",
    "objection": "Thanks, but we already use another tool for this, and it is too expensive.",
    "unsubscribe": "Please take me off your list and do not write to me again.",
    "away": "I am out of the office and will answer when I return.",
}
UNSETTLED = Prepared(
    lambda: InboundMail.everywhere.filter(settled_at__isnull=True).order_by().values_list("pk")[:1]
)
KINDS = ["interested", "objection", "objection", "unsubscribe", "away"]


def answer(sim: "Simulation", run: Run, entry: Accepted) -> None:
    """Answer a mail that has arrived; the inbox is read a little later."""
    deliver(sim, run, entry)
    sim.soon(0, 10, lambda: settle(sim))


def answer_at_once(sim: "Simulation", run: Run) -> None:
    """Answer the latest mail, and have the answer read before anything else happens."""
    sent = [
        entry for position in run.touches for entry in sim.judge.taken.get(run.key(position), [])
    ]
    if sent:
        deliver(sim, run, sent[-1])
        if run.kind == inboxes.KIND:
            inboxes.read(sim, sim.world.mailboxes[run.kind].pk)
        else:
            settle(sim)


def deliver(sim: "Simulation", run: Run, entry: Accepted) -> None:
    kind = KINDS[sim.luck.randrange(len(KINDS))]
    number = next(sim.letters)
    mail = EmailMessage()
    mail["From"], mail["To"] = run.address, entry.mailbox
    mail["Subject"] = f"Re: A question for {run}"
    mail["Message-ID"] = f"<answer{number}.{run}@globex.test>"
    held = entry.mark.held
    wire_id = f"<{held.number}@mail.gmail.test>" if run.kind == "gmail" else held.mail.message_id
    mail["In-Reply-To"] = wire_id
    if kind == "away":
        mail["Auto-Submitted"] = "auto-replied"
        mail.replace_header("Subject", f"Automatic reply: A question for {run}")
    mail.set_content(TEXTS[kind])
    sim.note(f"{run} answers: {kind}")
    message_id = str(mail["Message-ID"])
    if run.kind == inboxes.KIND:
        letter = inboxes.Letter(run, kind, message_id, mail.as_bytes(), sim.at)
        inboxes.put(sim, letter)
        return
    thread = held.mail.thread_id or f"thread-{entry.key}"
    product.deliver(sim.mailbox(run.kind), mail.as_bytes(), f"in-{number}", thread)
    sim.answers.append((run, kind, message_id))


def settle(sim: "Simulation") -> None:
    """Let the answers be settled that have come in."""
    if sim.chance(sim.rates.late_tick):
        return sim.soon(5, 120, lambda: settle(sim))
    product.settle_inbox()
    if UNSETTLED.rows():
        sim.judge.broke("every answer is settled", "", "one is left")
    return take_in(sim)


def take_in(sim: "Simulation") -> None:
    """Take in what the settled answers mean from this moment on."""
    sim.judge.next_order()
    waiting = [message_id for _, _, message_id in sim.answers]
    settled = set[str]()
    if waiting:
        mails = InboundMail.everywhere.filter(settled_at__isnull=False, message_id__in=waiting)
        settled.update(mails.values_list("message_id", flat=True))
    found = [each for each in sim.answers if each[2] in settled]
    for run, kind, _ in found:
        sim.hit(f"answer: {kind}")
        if kind == "unsubscribe":
            admin.close_all(sim, run.address, "unsubscribed")
        elif kind != "away":
            run.closed = run.closed or "replied"
            others_wait(sim, run)
    sim.answers = [each for each in sim.answers if each[2] not in settled]
    return sim.look_again()


def others_wait(sim: "Simulation", run: Run) -> None:
    """Who has answered in one sequence is not written to in another."""
    for other in sim.runs:
        if other is run or other.address != run.address or other.closed:
            continue
        status = other.fresh().status
        if status in Enrollment.SENDING:
            sim.judge.broke("an answer holds the prospect's other runs", str(other))
        elif status == Enrollment.Status.PAUSED:
            other.paused = True
