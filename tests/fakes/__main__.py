"""Run the fake providers for development: `make fakes`, or `python -m tests.fakes --port 9050`."""

import argparse
import sys
from contextlib import suppress
from shlex import quote
from threading import Event

from tests.fakes.far_side import running


def main() -> None:
    parser = argparse.ArgumentParser(description="Google and Microsoft on this machine.")
    parser.add_argument("--port", type=int, default=9050)
    parser.add_argument("--seed", type=int, default=1, help="Draws for faults with a chance.")
    options = parser.parse_args()
    with running(port=options.port, seed=options.seed) as far_side, suppress(KeyboardInterrupt):
        far_side.google.mailbox("alex@brightline.test")
        far_side.microsoft.mailbox("sam@brightline.test")
        # Google's library insists on https for sign-ins unless it is told otherwise.
        environment = far_side.environment | {"OAUTHLIB_INSECURE_TRANSPORT": "1"}
        given = " ".join(f"{name}={quote(value)}" for name, value in environment.items())
        sys.stdout.write(
            f"Fake Google and Microsoft at {far_side.url} (Ctrl-C ends). In another terminal:\n\n"
            f"{given} make run\n\n"
        )
        sys.stdout.flush()
        Event().wait()


if __name__ == "__main__":
    main()
