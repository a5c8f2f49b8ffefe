"""A worker that sleeps between the gate and the provider."""

from datetime import timedelta

import pytest

from mailboxes.models import SandboxMail
from mailboxes.providers import provider_for
from outreach import times
from sequences.engine import sending
from tests.factories import make_due_touch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.xfail(strict=True, reason="the budget is asked for at the gate, not before the wire")
def test_a_worker_that_wakes_up_long_after_the_gate_sends_nothing():
    touch = make_due_touch()
    at = times.now()
    provider = provider_for(touch.mailbox)
    with times.clock(lambda: at):
        worker = sending.sending(touch.pk, provider)
        assert [next(worker) for _ in range(4)][-1] == "on the wire"

    with times.clock(lambda: at + timedelta(hours=1)):
        list(worker)

    assert not SandboxMail.everywhere.caught().exists()
