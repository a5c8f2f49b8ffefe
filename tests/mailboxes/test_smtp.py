"""Every way in which an SMTP server can fail, and what each says about the mail."""

import re
from collections.abc import Callable, Iterator
from threading import Event
from time import sleep
from types import SimpleNamespace

import pytest

from mailboxes.providers import provider_for
from mailboxes.providers.base import (
    ContentRefused,
    Disconnected,
    Mail,
    Misconfigured,
    ProviderError,
    QuotaReached,
    RateLimited,
    Receipt,
    RecipientRefused,
    TryAgain,
    Unknown,
    Verdict,
)
from mailboxes.providers.smtp import wire_form
from tests.fakes.smtp import (
    ACCEPT_AND_DROP,
    ACCEPT_AND_HANG,
    DRIP,
    DROP,
    HANG,
    RESET,
    Scripted,
    free_port,
    running_script,
    running_sink,
)
from tests.mailboxes.sending import make_mail, make_smtp, send


def wait_until(happened: Callable[[], bool]) -> None:
    for _ in range(200):
        if happened():
            return
        sleep(0.01)
    pytest.fail("It did not happen within two seconds.")


class TestARealServer:
    """aiosmtpd on loopback."""

    @pytest.fixture
    def sink(self) -> Iterator:
        with running_sink() as sink:
            yield sink

    def test_a_mail_arrives_once_at_one_recipient(self, sink):
        receipt = send(make_smtp(sink.port))

        (mail,) = sink.accepted
        assert mail.raw == make_mail().raw
        assert mail.recipients == ["jordan@globex.test"]
        assert mail.sender == "alice@acme.test"
        assert receipt == Receipt("<touch7@acme.test>", words="250 2.0.0 Ok: queued as 1")

    def test_long_headers_arrive_verbatim(self, sink):
        long_id = f"<{'A' * 400}@prod.outlook.test>"
        ids = [f"<{letter * 120}@mail.test>" for letter in "abcdefghij"]
        url = f"https://acme.test/u/{'t' * 500}"

        send(
            make_smtp(sink.port),
            make_mail(
                in_reply_to=long_id,
                references=ids,
                unsubscribe_url=url,
                unsubscribe_mailto="u@acme.test",
            ),
        )

        head = sink.accepted[0].raw.partition(b"\r\n\r\n")[0].decode().replace("\r\n ", " ")
        lines = head.split("\r\n")
        assert f"In-Reply-To: {long_id}" in lines
        assert f"References: {' '.join(ids)}" in lines
        assert f"List-Unsubscribe: <{url}>, <mailto:u@acme.test>" in lines
        assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines

    @pytest.mark.parametrize(
        "text",
        [
            "one\n.\ntwo\n..\n...three\n.",
            "x" * 9000,
            "é" * 3000 + "\n日本語 🙂\n",
            "Hello Jordan, how are you doing? " * 1600,
            "From me\n\n\n\n",
        ],
        ids=["dots", "long line", "not ascii", "50 KB", "from and blanks"],
    )
    def test_bodies_of_all_kinds_arrive_unchanged(self, sink, text):
        mail = make_mail(text)

        send(make_smtp(sink.port), mail)

        assert sink.accepted[0].raw == mail.raw

    def test_an_abandoned_mail_is_not_sent(self, sink):
        smtp = make_smtp(sink.port)

        smtp.prepare(make_mail()).abandon()
        send(smtp, make_mail(message_id="<second@acme.test>"))

        assert [b"<second@acme.test>" in mail.raw for mail in sink.accepted] == [True]

    def test_an_unencoded_address_beyond_ascii_needs_the_server_to_offer_it(self, sink):
        mail = Mail(make_mail().raw, "alice@acme.test", "jörg@globex.test", "<touch7@acme.test>")

        with pytest.raises(ContentRefused, match="jörg@globex.test"):
            send(make_smtp(sink.port), mail)
        with running_sink(smtputf8=True) as able:
            send(make_smtp(able.port), mail)

        assert sink.accepted == []
        assert able.accepted[0].recipients == ["jörg@globex.test"]


PIPELINING = "250-fake\r\n250-PIPELINING\r\n250-SMTPUTF8\r\n250 SIZE 10000000"

# What the script does, the class it must become, and whether the server took the mail.
FAULTS = [
    ({"CONNECT": "554 5.3.2 no service"}, Misconfigured, 0),
    ({"CONNECT": "421 too busy"}, RateLimited, 0),
    ({"CONNECT": DROP}, TryAgain, 0),
    ({"CONNECT": HANG}, TryAgain, 0),
    ({"CONNECT": "hello?"}, TryAgain, 0),
    ({"CONNECT": "220-x\r\n" * 200 + "220 x"}, TryAgain, 0),
    ({"CONNECT": "220 " + "x" * 20000}, TryAgain, 0),
    ({"EHLO": "550 go away"}, Misconfigured, 0),
    ({"EHLO": DROP}, TryAgain, 0),
    ({"AUTH": "535-5.7.8 no\r\n535 5.7.8 really"}, Disconnected, 0),
    ({"AUTH": "454 4.7.0 later"}, TryAgain, 0),
    ({"AUTH": "421 4.7.0 too many"}, RateLimited, 0),
    ({"AUTH": DROP}, TryAgain, 0),
    ({"MAIL": "550 5.4.5 daily limit"}, QuotaReached, 0),
    ({"MAIL": "553 sender?"}, Misconfigured, 0),
    ({"MAIL": "530 5.7.0 sign in"}, Disconnected, 0),
    ({"MAIL": "451 4.3.0 later"}, TryAgain, 0),
    ({"MAIL": DROP}, TryAgain, 0),
    ({"MAIL": HANG}, TryAgain, 0),
    ({"RCPT": "550 5.1.1 who?"}, RecipientRefused, 0),
    ({"RCPT": "552 5.2.2 full"}, RecipientRefused, 0),
    ({"RCPT": "554 5.7.1 blocked"}, ContentRefused, 0),
    ({"RCPT": "451 4.7.1 greylisted"}, TryAgain, 0),
    ({"RCPT": "421 4.7.0 slow down"}, RateLimited, 0),
    ({"RCPT": RESET}, TryAgain, 0),
    ({"DATA": "554 no"}, ContentRefused, 0),
    ({"DATA": "451 4.3.0 later"}, TryAgain, 0),
    ({"DATA": "250 what?"}, TryAgain, 0),
    ({"DATA": DROP}, TryAgain, 0),
    ({"DOT": DROP}, Unknown, 0),
    ({"DOT": RESET}, Unknown, 0),
    ({"DOT": HANG}, Unknown, 0),
    ({"DOT": ACCEPT_AND_DROP}, Unknown, 1),
    ({"DOT": ACCEPT_AND_HANG}, Unknown, 1),
    ({"DOT": "what?"}, Unknown, 0),
    ({"DOT": "354 more"}, Unknown, 0),
    ({"DOT": "550 5.7.1 spam"}, ContentRefused, 0),
    ({"DOT": "554 5.7.26 unauthenticated"}, ContentRefused, 0),
    ({"DOT": "550 5.1.1 who?"}, RecipientRefused, 0),
    ({"DOT": "552 5.3.4 too big"}, ContentRefused, 0),
    ({"DOT": "451 4.7.1 greylisted"}, TryAgain, 0),
    ({"DOT": "421 4.3.2 closing"}, RateLimited, 0),
]


class TestFaults:
    @pytest.mark.parametrize(("script", "kind", "taken"), FAULTS, ids=str)
    def test_every_fault_names_its_next_action(self, script, kind, taken):
        with running_script(**script) as server:
            smtp = make_smtp(
                server.port,
                username="alice",
                password="secret",
                command_timeout=0.4,
                final_timeout=0.4,
            )
            with pytest.raises(ProviderError) as caught:
                send(smtp)

        assert type(caught.value) is kind
        assert len(server.accepted) == taken
        assert sum(line == "DATA" for line in server.commands) <= 1

    @pytest.mark.parametrize(
        ("script", "kind", "taken"),
        [each for each in FAULTS if {"MAIL", "RCPT", "DATA", "DOT"} & each[0].keys()],
        ids=str,
    )
    def test_it_names_the_same_where_all_is_asked_at_once(self, script, kind, taken):
        with running_script(EHLO=PIPELINING, **script) as server:
            smtp = make_smtp(server.port, command_timeout=0.4, final_timeout=0.4)
            with pytest.raises(ProviderError) as caught:
                send(smtp)

        assert type(caught.value) is kind
        assert len(server.accepted) == taken

    @pytest.mark.parametrize("phase", ["CONNECT", "MAIL", "RCPT", "DATA", "DOT"])
    def test_the_servers_words_are_kept(self, phase):
        with (
            running_script(**{phase: "554-5.7.1 Größe\r\n554 5.7.1 see https://x.test"}) as server,
            pytest.raises(ProviderError) as caught,
        ):
            send(make_smtp(server.port))

        assert str(caught.value) == "554 5.7.1 Größe\n5.7.1 see https://x.test"

    @pytest.mark.parametrize("goodbye", ["554 5.0.0 never", DROP, HANG, "what?"])
    def test_a_mail_stays_sent_whatever_the_goodbye(self, goodbye):
        with running_script(QUIT=goodbye) as server:
            receipt = send(make_smtp(server.port))

        assert receipt.words == "250 2.0.0 queued"
        assert len(server.accepted) == 1

    def test_a_connection_lost_inside_the_text_is_not_sent(self):
        with running_script() as server:
            smtp = make_smtp(server.port)
            prepared = smtp.prepare(make_mail())
            prepared.line.sock.shutdown(1)
            with pytest.raises(TryAgain):
                prepared.commit()

        assert server.accepted == []

    def test_a_server_that_hangs_up_while_we_hesitate_was_sent_nothing(self):
        with running_script(TEXT=DROP) as server:
            prepared = make_smtp(server.port).prepare(make_mail())
            wait_until(prepared.line.spoke_unasked)
            with pytest.raises(TryAgain):
                prepared.commit()

    def test_a_server_that_gives_up_while_we_hesitate_says_why(self):
        with running_script(DATA="354 go ahead\r\n421 4.4.2 you took too long") as server:
            prepared = make_smtp(server.port).prepare(make_mail())
            wait_until(prepared.line.spoke_unasked)
            with pytest.raises(RateLimited, match="you took too long"):
                prepared.commit()

        assert server.accepted == []

    def test_nobody_listening_is_not_sent(self):
        with pytest.raises(TryAgain, match="does not answer") as caught:
            send(make_smtp(free_port()))

        assert not caught.value.smtp

    def test_an_unknown_name_is_not_sent(self):
        with pytest.raises(TryAgain, match="was not found"):
            send(make_smtp(25, host="mail.acme.invalid"))

    def test_greylisting_is_told_from_other_passing_faults(self):
        with (
            running_script(RCPT="451 4.7.1 greylisted") as server,
            pytest.raises(TryAgain) as caught,
        ):
            send(make_smtp(server.port))

        assert caught.value.smtp

    @pytest.mark.parametrize(
        ("phase", "kind", "deadline"),
        [("CONNECT", TryAgain, "command_timeout"), ("DOT", Unknown, "final_timeout")],
    )
    def test_a_drip_of_bytes_does_not_outlast_the_deadline(self, phase, kind, deadline):
        with running_script(**{phase: DRIP}) as server, pytest.raises(kind):
            send(make_smtp(server.port, **{deadline: 0.3}))

    def test_a_new_message_id_is_read_from_the_answer(self):
        answer = "250 2.0.0 OK <VI1PR0@eur.prod.outlook.test> [Hostname=VI1PR0.eur.test]"
        with running_script(DOT=answer) as server:
            receipt = send(make_smtp(server.port))

        assert receipt.message_id == "<VI1PR0@eur.prod.outlook.test>"

    @pytest.mark.parametrize("address", ["a@x.test>\r\nRCPT TO:<b@y.test", "a@x.test b@y.test", ""])
    def test_an_address_cannot_smuggle_a_command(self, address):
        with running_script() as server, pytest.raises(ContentRefused):
            send(make_smtp(server.port), Mail(b"x", "alice@acme.test", address, "<a@b.test>"))

        assert server.connections == 0

    def test_a_mail_is_committed_once(self):
        with running_script() as server:
            prepared = make_smtp(server.port).prepare(make_mail())
            prepared.commit()
            with pytest.raises(RuntimeError):
                prepared.commit()

        assert len(server.accepted) == 1

    def test_an_abandoned_mail_cannot_be_committed(self):
        with running_script() as server:
            prepared = make_smtp(server.port).prepare(make_mail())
            prepared.abandon()
            prepared.abandon()
            with pytest.raises(RuntimeError):
                prepared.commit()

        assert server.accepted == []

    def test_smtp_cannot_be_asked(self):
        verdict = make_smtp(25).look_up(message_id="<a@b.test>", recipient="jordan@globex.test")

        assert verdict is Verdict.UNKNOWN


class TestOneConnectionForManyMails:
    def send_two(self, server: Scripted, fresh: float = 60) -> None:
        smtp = make_smtp(server.port, fresh=fresh)
        smtp.prepare(make_mail()).commit()
        smtp.prepare(make_mail()).commit()
        smtp.close()

    @pytest.mark.parametrize(("fresh", "asked"), [(60, []), (0, ["RSET"])])
    def test_the_connection_is_used_again_and_asked_first_once_it_is_old(self, fresh, asked):
        with running_script() as server:
            self.send_two(server, fresh)

        assert server.connections == 1
        assert len(server.accepted) == 2
        verbs = [re.split(r"[ :]", line)[0].upper() for line in server.commands]
        mail = ["MAIL", "RCPT", "DATA"]
        assert verbs == ["EHLO", *mail, *asked, *mail, "QUIT"]

    def test_after_a_refusal_the_connection_is_asked_to_begin_anew(self):
        with running_script(RCPT=["550 5.1.1 nobody", "250 ok"]) as server:
            smtp = make_smtp(server.port, fresh=60)
            with pytest.raises(RecipientRefused):
                smtp.prepare(make_mail())
            smtp.prepare(make_mail()).commit()
            smtp.close()

        verbs = [re.split(r"[ :]", line)[0].upper() for line in server.commands]
        assert verbs[:5] == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL"]
        assert server.connections == 1

    def test_where_the_server_knows_pipelining_all_is_asked_at_once(self):
        asked = Event()

        def decide(command: str, mail: bytes) -> str:
            # It answers nothing before everything was asked.
            if command == "MAIL":
                assert asked.wait(5)
            return ""

        with running_script(EHLO=PIPELINING) as server:
            server.decide = decide
            smtp = make_smtp(server.port)
            said = smtp.dial()
            send_all, said.send = said.send, lambda words: (send_all(words), asked.set())
            smtp.offer(said, make_mail()).commit()
            smtp.prepare(make_mail()).commit()
            smtp.close()

        verbs = [re.split(r"[ :]", line)[0].upper() for line in server.commands]
        assert verbs == ["EHLO", *["MAIL", "RCPT", "DATA"] * 2, "QUIT"]
        assert len(server.accepted) == 2

    @pytest.mark.parametrize(
        ("data", "connections"),
        [("503 5.5.1 no recipient", 1), ("354 nobody, but go ahead", 2)],
    )
    def test_after_a_refusal_nothing_of_that_mail_is_left_over(self, data, connections):
        """RFC 2920 section 3.1: a server may say "go ahead" though it took no recipient."""
        script = {"RCPT": ["550 5.1.1 nobody", "250 ok"], "DATA": [data, "354 go ahead"]}
        with running_script(EHLO=PIPELINING, **script) as server:
            smtp = make_smtp(server.port, fresh=60)
            with pytest.raises(RecipientRefused, match="nobody"):
                smtp.prepare(make_mail())
            smtp.prepare(make_mail(message_id="<second@acme.test>")).commit()
            smtp.close()

        assert server.connections == connections
        assert [b"<second@acme.test>" in mail for mail in server.accepted] == [True]

    @pytest.mark.parametrize(
        "script",
        [
            {"RSET": DROP},
            {"RSET": "421 idle too long"},
            {"RSET": "503 no"},
            {"MAIL": ["250 ok", DROP]},
            {"MAIL": ["250 ok", "421 too many mails on this connection"]},
            {"MAIL": ["250 ok", "452 4.5.3 too many mails on this connection"]},
            {"RCPT": ["250 ok", RESET]},
            {"DATA": ["354 go", DROP]},
        ],
        ids=str,
    )
    def test_an_old_connection_is_replaced_before_anything_has_left(self, script):
        with running_script(**script) as server:
            self.send_two(server, fresh=0 if "RSET" in script else 60)

        assert server.connections == 2
        assert len(server.accepted) == 2

    def test_a_lost_answer_is_never_repaired_by_sending_again(self):
        with running_script(DOT=["250 ok", ACCEPT_AND_DROP]) as server, pytest.raises(Unknown):
            self.send_two(server)

        assert len(server.accepted) == 2
        assert server.connections == 1

    def test_what_a_new_connection_is_told_counts(self):
        with (
            running_script(MAIL=["250 ok", "452 later", "452 4.3.1 later still"]) as server,
            pytest.raises(TryAgain, match="later still"),
        ):
            self.send_two(server)

        assert server.connections == 2

    def test_a_refused_recipient_leaves_the_connection_to_the_next_mail(self):
        with running_script(RCPT=["550 5.1.1 who?", "250 ok"]) as server:
            smtp = make_smtp(server.port)
            with pytest.raises(RecipientRefused):
                smtp.prepare(make_mail())
            smtp.prepare(make_mail()).commit()
            smtp.close()

        assert server.connections == 1
        assert len(server.accepted) == 1

    def test_two_prepared_mails_do_not_share_a_connection(self):
        with running_script() as server:
            smtp = make_smtp(server.port)
            first, second = smtp.prepare(make_mail()), smtp.prepare(make_mail())
            second.commit()
            first.abandon()
            smtp.close()

        assert len(server.accepted) == 1
        assert server.connections == 2


def test_a_mailbox_finds_its_provider(settings):
    settings.ALLOW_PRIVATE_HOSTS = True
    with running_script() as server:
        mailbox = SimpleNamespace(
            id=1,
            provider="smtp",
            email="alice@acme.test",
            smtp_host="127.0.0.1",
            smtp_port=server.port,
            smtp_security="plain",
            smtp_username="alice",
            smtp_password="secret",
        )
        send(provider_for(mailbox))

    assert server.commands[0] == "ehlo acme.test"
    assert len(server.accepted) == 1


def test_an_unknown_kind_of_mailbox_is_said():
    with pytest.raises(Misconfigured, match="pigeon"):
        provider_for(SimpleNamespace(provider="pigeon"))


@pytest.mark.parametrize(
    ("raw", "wire"),
    [
        (b"a\r\n.\r\nb", b"a\r\n..\r\nb\r\n"),
        (b".a", b"..a\r\n"),
        (b"a\n.\nb\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r.\rb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a.\r\n", b"a.\r\n"),
        (b"", b"\r\n"),
    ],
)
def test_no_line_of_a_mail_can_end_it(raw: bytes, wire: bytes):
    assert wire_form(raw) == wire
