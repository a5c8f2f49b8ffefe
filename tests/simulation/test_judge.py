"""The judge itself: what it takes for certain, and what it never forgets too early."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from mailboxes.providers.base import Verdict
from tests.simulation.far_side import Accepted, Gmail, Held, Network, Server
from tests.simulation.history import KEPT, History
from tests.simulation.inboxes import Letter
from tests.simulation.judge import Judge
from tests.simulation.world import Rates, Run

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def judge() -> Judge:
    return Judge(lambda: AT)


def make_run() -> Run:
    nobody: Any = None
    run = Run(1, nobody, "lee1@globex.test", "Rotating", "gmail", 1, {1: 1})
    run.approved[1] = "A question for r1", "Hi there"
    return run


def make_draft(state: str = "draft") -> Held:
    nothing: Any = None
    return Held(1, "r1/1", nothing, AT, state)


def test_a_draft_that_is_gone_binds_a_run_to_no_mailbox(judge):
    run, draft = make_run(), make_draft()
    judge.marked(run, 1, "gmail", draft)
    draft.state = "deleted"

    judge.marked(run, 1, "smtp", make_draft())

    assert judge.broken == []


@pytest.mark.parametrize("state", ["draft", "pending", "taken", "lost"])
def test_what_may_have_left_binds_its_run_to_the_mailbox(judge, state):
    run, draft = make_run(), make_draft()
    judge.marked(run, 1, "gmail", draft)
    draft.state = state

    judge.marked(run, 1, "smtp", make_draft())

    assert "from the right mailbox" in {broken.check for broken in judge.broken}


def test_smtp_is_awaited_also_when_the_next_try_leaves_from_elsewhere(judge):
    run = make_run()
    judge.marked(run, 1, "smtp", make_draft())

    judge.marked(run, 1, "gmail", make_draft())

    assert "no second try while the first may leave" in {each.check for each in judge.broken}


@pytest.mark.parametrize(("said_wrongly", "broken"), [(0, ["within the limits"]), (1, [])])
def test_what_a_person_said_had_not_left_counts_on_no_limit(judge, said_wrongly, broken):
    owner, day = "cleo@smtp.test", AT.date()
    entry = Accepted("r1/1", AT, owner, b"", "lee1@globex.test", None)
    judge.limits[owner] = [(date.min, 1)]
    judge.per_day[owner, day] = 2
    judge.wrong_orders[owner, day] = said_wrongly

    judge.judge_day(entry, owner, day)

    assert [each.check for each in judge.broken] == broken


def test_a_request_that_arrives_after_its_draft_was_deleted_sends_nothing():
    counts: list[str] = []
    later: list[Any] = []
    net = Network(1, Rates.draw(Random(1)), lambda: AT)
    net.count, net.later = counts.append, lambda at, act: later.append(act)
    net.took = lambda entry: pytest.fail("It was taken.")
    Network.current = net
    nowhere: Any = type("Nowhere", (), {"email": "anna@gmail.test"})
    gmail, held = Gmail(nowhere), make_draft()

    net.take_later(gmail.server, held, 600)
    verdict = gmail.tell(held)
    later[0]()

    assert verdict == Verdict.NOT_SENT
    assert counts == ["fence used: the draft was deleted", "fence used: the draft was gone"]


def test_an_inbox_that_was_tidied_gives_no_number_twice():
    server = Server("smtp", "cleo@smtp.test")
    letters = [Letter(make_run(), "away", f"<{n}>", b"", AT + timedelta(days=n)) for n in range(4)]
    server.letters += letters

    server.tidy(AT + timedelta(days=2))

    assert (server.moved, server.letters) == (2, letters[2:])


def test_a_long_history_keeps_its_digest_and_its_last_lines():
    short, long = History(), History()
    for number in range(KEPT + 5):
        long.add(f"event {number}")
    for number in range(5, KEPT + 5):
        short.add(f"event {number}")

    assert list(long.lines) == list(short.lines)
    assert (long.count, long.digest == short.digest) == (KEPT + 5, False)
