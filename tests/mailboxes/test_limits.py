from mailboxes.limits import day_limit


def test_a_mailbox_may_send_its_daily_limit():
    assert day_limit(50) == 50


def test_a_limit_is_never_below_nothing():
    assert day_limit(-5) == 0
