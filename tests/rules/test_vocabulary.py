from itertools import product

import pytest

from sequences.rules.vocabulary import outcome, phase, progress, state

ENDS = [
    "refused",
    "unsubscribed",
    "bounced",
    "complained",
    "won",
    "lost",
    "cancelled",
    "goal",
    "failed",
    "by_hand",
]
BLOCKS = ["", "failed_touch", "uncertain_touch", "unapproved_touch", "task", "mailbox"]
UNFINISHED_OR_DONE = [
    "pending_approval",
    "approved",
    "active",
    "paused",
    "replied_positive",
    "replied_objection",
    "complete",
]
EVERY_FACT = [
    *product(UNFINISHED_OR_DONE, [""], BLOCKS, [False, True], [False, True]),
    *product(["archived"], ENDS, BLOCKS, [False, True], [False, True]),
]


def expected(status, end_reason, blocked_by, attempted, skipped):
    """Return state, phase, outcome and progress as the product's table lists them, row by row."""
    begun = "in_progress" if attempted else "pending"
    if status in ("approved", "active"):
        if blocked_by == "task":
            return "WAITING_FOR_USER", "active", "active", begun
        if blocked_by == "failed_touch":
            return "FAILED", "active", "active", "failed"
        return "ACTIVE", "active", "active", begun
    if status == "complete":
        return "COMPLETED" if skipped else "SUCCEEDED", "completed", "completed", "sent"
    return {
        ("pending_approval", ""): ("FOUND", "draft", "active", "pending"),
        ("paused", ""): ("WAITING_FOR_LEAD", "paused", "paused", begun),
        ("replied_positive", ""): ("COMPLETED", "completed", "replied", "sent"),
        ("replied_objection", ""): ("COMPLETED", "completed", "replied", "sent"),
        ("archived", "goal"): ("COMPLETED", "completed", "completed", "sent"),
        ("archived", "won"): ("STOPPED_EARLY", "completed", "completed", "skipped"),
        ("archived", "lost"): ("STOPPED_EARLY", "completed", "completed", "skipped"),
        ("archived", "cancelled"): ("STOPPED_EARLY", "completed", "completed", "skipped"),
        ("archived", "by_hand"): ("STOPPED_EARLY", "completed", "completed", "skipped"),
        ("archived", "unsubscribed"): ("STOPPED_EARLY", "completed", "unsubscribed", "skipped"),
        ("archived", "complained"): ("STOPPED_EARLY", "completed", "unsubscribed", "skipped"),
        ("archived", "bounced"): ("FAILED", "completed", "bounced", "failed"),
        ("archived", "failed"): ("FAILED", "completed", "completed", "failed"),
        ("archived", "refused"): ("REFUSED", None, None, "skipped"),
    }[status, end_reason]


@pytest.mark.parametrize("facts", EVERY_FACT, ids=lambda facts: "-".join(map(str, facts)))
def test_every_run_has_a_name_in_each_vocabulary(facts):
    assert (state(*facts), phase(*facts), outcome(*facts), progress(*facts)) == expected(*facts)


@pytest.mark.parametrize("name_of", [state, phase, outcome, progress])
def test_a_word_nobody_defined_is_an_error_and_no_guess(name_of):
    with pytest.raises(ValueError, match="not a status"):
        name_of("finished")
    with pytest.raises(ValueError, match="not a reason"):
        name_of("archived", "")
