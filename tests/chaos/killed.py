"""Sends one mail after the other, each in a process of its own that is killed at a given point.

Reads what to do as JSON lines and answers each with one; started by `killing_points`.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import django

from tests.chaos import trace


def main() -> None:
    django.setup()
    from django.db import connections

    from mailboxes.providers import provider_for
    from sequences.engine import reconciling, sending
    from sequences.models import Touch

    def send(touch_id: int) -> object:
        touch = Touch.objects.select_related("mailbox").get(pk=touch_id)
        return sending.send_one(touch_id, provider_for(touch.mailbox))

    def send_until(touch_id: int, stage: str) -> None:
        touch = Touch.objects.select_related("mailbox").get(pk=touch_id)
        for done in sending.sending(touch_id, provider_for(touch.mailbox)):
            if done == stage:
                os.kill(os.getpid(), signal.SIGKILL)

    actions: dict[str, Callable[..., object]] = {
        "send": send,
        "reap": sending.reap,
        "reconcile": reconciling.tick,
    }
    for line in sys.stdin:
        asked = json.loads(line)
        if asked.get("do") == "warm up":
            # Here, so that no child imports anything: those system calls would not be the send's.
            answer = {"killed": False, "sent": send(*asked["given"])}
            connections.close_all()
        elif "stage" in asked:
            answer = {"killed": in_a_child(partial(send_until, asked["touch"], asked["stage"]))}
        else:
            action, given = actions[asked["do"]], asked.get("given", [])
            answer = traced(partial(action, *given), asked["call"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def traced(action: Callable[[], object], call: int | None) -> dict[str, Any]:
    was_killed, calls = trace.killed_at(call, action)
    return {"killed": was_killed, "calls": calls}


def in_a_child(action: Callable[[], object]) -> bool:
    """Run it in a child; tell whether that was killed."""
    pid = os.fork()
    if pid == 0:
        try:
            action()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (0, -signal.SIGKILL):
        raise RuntimeError(f"The sending process ended with {code}.")
    return code != 0


if __name__ == "__main__":
    main()
