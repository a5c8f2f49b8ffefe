"""Whose turn it is in a pool, whatever its mailboxes may do."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mailboxes.rotation import Member, Turn, next_turn

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)

sizes = st.integers(1, 8)
moments = st.integers(-3_000, 3_000).map(lambda seconds: NOON + seconds * SECOND)
members = st.lists(
    st.builds(
        Member,
        mailbox=st.integers(1, 50),
        position=st.integers(0, 20),
        last_used_at=st.none() | moments,
        free_at=st.none() | moments,
    ),
    max_size=10,
    unique_by=lambda member: member.mailbox,
)


def play(limits: list[int | None], turns: int, *, gaps: list[int] | None = None) -> list[int]:
    """Give so many turns, one a second, to mailboxes with these limits; returns who had them.

    A limit of None is a mailbox that is out; a gap is its pause after each mail, in seconds.
    """
    used: dict[int, datetime] = {}
    given_to: list[int] = []
    for number in range(turns):
        at = NOON + number * SECOND
        pool = []
        for key, limit in enumerate(limits):
            free_at: datetime | None = at
            if limit is None:
                free_at = None
            elif given_to.count(key) >= limit:
                free_at = NOON + timedelta(days=1)
            elif gaps and key in used:
                free_at = used[key] + gaps[key] * SECOND
            pool.append(Member(key, key, used.get(key), free_at))
        turn = next_turn(pool, at)
        if turn and turn.at <= at:
            used[turn.mailbox] = at
            given_to.append(turn.mailbox)
    return given_to


@given(st.lists(st.none() | st.integers(0, 12), max_size=8), st.integers(0, 60))
def test_no_member_is_given_more_than_its_limit_and_no_turn_is_lost(limits, turns):
    counts = Counter(play(limits, turns))

    for key, limit in enumerate(limits):
        assert counts[key] <= (limit or 0)
    assert sum(counts.values()) == min(turns, sum(limit or 0 for limit in limits))


@given(sizes, st.integers(0, 100))
def test_members_that_may_always_send_get_equal_shares(size, turns):
    counts = Counter(play([1_000] * size, turns))

    assert max(counts[key] for key in range(size)) - min(counts[key] for key in range(size)) <= 1


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 60))
def test_pauses_are_kept_whatever_the_others_do(gaps, turns):
    order = play([1_000] * len(gaps), turns, gaps=gaps)

    # One turn a second: between two of the same mailbox lie at least its pause's seconds.
    assert order[0] == 0
    for key, gap in enumerate(gaps):
        assert order.count(key) <= 1 + turns // gap


@given(members, moments)
def test_the_same_members_give_the_same_turn_in_whatever_order_they_come(pool, at):
    assert next_turn(pool, at) == next_turn(list(reversed(pool)), at)


@given(members, moments)
def test_whoever_may_send_goes_before_whoever_must_wait(pool, at):
    turn = next_turn(pool, at)
    within = [member for member in pool if member.free_at is not None]

    if not within:
        assert turn is None
        return
    assert isinstance(turn, Turn)
    chosen = next(member for member in pool if member.mailbox == turn.mailbox)
    assert turn.at == max(chosen.free_at, at) == min(max(each.free_at, at) for each in within)
    assert turn.among == len(within)


@given(sizes, st.integers(1, 40))
def test_one_that_comes_back_gets_a_turn_and_not_all_that_it_missed(size, absent):
    used = {key: NOON - (size - key) * SECOND for key in range(size)}
    away = Member(size, size, NOON - absent * timedelta(days=1), NOON)
    pool = [Member(key, key, at, NOON) for key, at in used.items()]

    first = next_turn([*pool, away], NOON)
    again = next_turn([*pool, Member(size, size, NOON, NOON)], NOON)

    assert first and first.mailbox == size
    assert again and again.mailbox == 0
