"""A server that speaks OpenAI's chat completions, well or badly, and remembers what it was asked.

`python -m tests.fakes.chat --port 8099` runs it, to connect by hand: CHAT_BASE_URL=http://127.0.0.1:8099/v1.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass
class Model:
    """What the fake answers next, and what it was asked."""

    label: str = "interested"
    confidence: Any = 0.95
    # One of: "", "slow", "drip", "500", "429", "401", "html", "garbage", "cut", "empty", "refusal",
    # "fenced", "huge", "redirect", "close", "no schema".
    fault: str = ""
    content: str | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    over: Event = field(default_factory=Event)
    url: str = ""

    def said(self) -> str:
        if self.content is not None:
            return self.content
        return json.dumps({"label": self.label, "confidence": self.confidence})


class Handler(BaseHTTPRequestHandler):
    model: Model

    def do_POST(self) -> None:
        model = self.model
        length = int(self.headers.get("Content-Length", 0))
        question = json.loads(self.rfile.read(length))
        model.asked.append({"path": self.path, **question})
        model.keys.append(self.headers.get("Authorization", ""))
        getattr(self, f"answer_{model.fault.replace(' ', '_')}", self.answer)(question)

    do_GET = do_POST

    def answer(self, question: dict[str, Any], reason: str = "stop") -> None:
        message = {"role": "assistant", "content": self.model.said()}
        choice = {"index": 0, "message": message, "finish_reason": reason}
        self.send(200, json.dumps({"object": "chat.completion", "choices": [choice]}).encode())

    def answer_slow(self, question: dict[str, Any]) -> None:
        self.model.over.wait(20)

    def answer_drip(self, question: dict[str, Any]) -> None:
        self.send_response(200)
        self.end_headers()
        while not self.model.over.wait(0.05):
            self.wfile.write(b" ")

    def answer_500(self, question: dict[str, Any]) -> None:
        self.send(500, b'{"error": {"message": "boom"}}')

    def answer_429(self, question: dict[str, Any]) -> None:
        self.send(429, b'{"error": {"code": "rate_limit"}}')

    def answer_401(self, question: dict[str, Any]) -> None:
        self.send(401, b'{"error": {"message": "bad key"}}')

    def answer_html(self, question: dict[str, Any]) -> None:
        self.send(200, b"<html>Welcome</html>", "text/html")

    def answer_garbage(self, question: dict[str, Any]) -> None:
        self.send(200, b"\xff\x00{" * 50)

    def answer_cut(self, question: dict[str, Any]) -> None:
        self.answer(question, reason="length")

    def answer_empty(self, question: dict[str, Any]) -> None:
        self.send(200, b'{"choices": []}')

    def answer_refusal(self, question: dict[str, Any]) -> None:
        self.send(200, b'{"choices": [{"message": {"content": null, "refusal": "No."}}]}')

    def answer_huge(self, question: dict[str, Any]) -> None:
        self.send(200, b" " * 5_000_000)

    def answer_redirect(self, question: dict[str, Any]) -> None:
        self.send_response(302)
        self.send_header("Location", f"{self.model.url}/elsewhere")
        self.end_headers()

    def answer_close(self, question: dict[str, Any]) -> None:
        self.close_connection = True

    def answer_no_schema(self, question: dict[str, Any]) -> None:
        if "response_format" in question:
            self.send(400, b'{"error": {"message": "unknown field response_format"}}')
        else:
            self.answer(question)

    def send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Say nothing: a test reads the journal."""


@contextmanager
def serving(port: int = 0) -> Iterator[Model]:
    """Run the fake for as long as the block lasts."""
    model = Model()
    handler = type("Bound", (Handler,), {"model": model})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    server.handle_error = lambda *about: None  # type: ignore[method-assign]
    model.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield model
    finally:
        model.over.set()
        server.shutdown()
        server.server_close()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.chat", description=__doc__)
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--fault", default="")
    given = parser.parse_args(arguments)
    with serving(given.port) as model:
        model.fault = given.fault
        sys.stdout.write(f"CHAT_BASE_URL={model.url} CHAT_MODEL=fake\n")
        sys.stdout.flush()
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main(sys.argv[1:])
