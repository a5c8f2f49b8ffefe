"""Reading inboxes over IMAP, from a real server."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Thread

import pytest

from mailboxes import inbox
from mailboxes.models import Folder, InboundMail, Mailbox
from mailboxes.providers.base import Disconnected, Misconfigured, ProviderError, TryAgain
from mailboxes.providers.smtp_line import Connection
from mailboxes.reading import imap, imap_line, reader_for
from mailboxes.reading.imap import IMAP
from tests.factories import make_mailbox
from tests.fakes import dovecot
from tests.fakes.dovecot import PASSWORD, Dovecot, running_dovecot
from tests.fakes.smtp import make_certificate
from tests.threads import together

pytestmark = [
    pytest.mark.skipif(dovecot.PROGRAM is None, reason=dovecot.MISSING),
    pytest.mark.django_db(transaction=True),
]
_numbers = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with running_dovecot() as server:
        yield server


@pytest.fixture
def user() -> str:
    """A name that nobody else has used, and so an empty mailbox."""
    return f"alex{next(_numbers)}"


@pytest.fixture
def mailbox(workspace, server, user) -> Mailbox:
    return make_mailbox(
        workspace,
        provider="smtp",
        imap_host=server.host,
        imap_port=server.port,
        imap_security="plain",
        imap_username=user,
        imap_password=PASSWORD,
    )


def mail(subject: str = "Re: Quick question", text: str = "Hi", **headers: str) -> bytes:
    fields = {
        "From": "Jordan Lee <jordan@globex.test>",
        "Subject": subject,
        "Message-ID": f"<{next(_numbers)}.{len(subject)}@globex.test>",
        "Date": "Sat, 21 Nov 2026 12:00:00 +0000",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{head}\r\n{text}\r\n".encode()


def subjects() -> list[str]:
    return list(InboundMail.everywhere.order_by("pk").values_list("subject", flat=True))


def connection(server: Dovecot, **values: object) -> Connection:
    values = {
        "host": server.host,
        "port": server.port,
        "security": "plain",
        "username": "alex",
        "password": PASSWORD,
        "allow_private": True,
    } | values
    return Connection(**values)  # type: ignore[arg-type]  # each test knows what it gives


def read_all(reader: IMAP) -> list[str]:
    since = datetime.now(UTC) - timedelta(days=30)
    try:
        return [batch.folder for batch in reader.read({}, since)]
    finally:
        reader.close()


class TestReading:
    def test_each_reading_takes_in_what_is_new_and_nothing_twice(self, server, user, mailbox):
        server.put(user, mail("First"))
        assert inbox.read(mailbox) == inbox.Reading(1, is_whole=True)

        server.put(user, mail("Second"))
        server.put(user, mail("Third"))

        assert inbox.read(mailbox).new == 2
        assert inbox.read(mailbox).new == 0
        assert subjects() == ["First", "Second", "Third"]

    def test_no_mail_is_marked_as_read(self, server, user, mailbox):
        server.put(user, mail())

        inbox.read(mailbox)

        assert (server.unread(user), server.count(user)) == (1, 1)

    def test_a_mail_keeps_the_time_at_which_the_server_took_it_in(self, server, user, mailbox):
        yesterday = (datetime.now(UTC) - timedelta(hours=20)).replace(microsecond=0)
        server.put(user, mail(), at=yesterday)

        inbox.read(mailbox)

        assert InboundMail.everywhere.get().received_at == yesterday

    @pytest.mark.parametrize("folder", ["Junk", "Trash", "Clients/Globex", "Kunden (größere)"])
    def test_an_answer_is_found_wherever_a_rule_has_put_it(self, server, user, mailbox, folder):
        inbox.read(mailbox)
        with server.open(user) as box:
            if not box.folder.exists(folder):
                box.folder.create(folder)
        server.put(user, mail(f"In {folder}"), folder)

        assert inbox.read(mailbox).new == 1
        assert subjects() == [f"In {folder}"]

    @pytest.mark.parametrize("folder", ["Gesendete Elemente", "Drafts", "Sent Items"])
    def test_our_own_mail_is_not_looked_at(self, server, user, mailbox, folder):
        with server.open(user) as box:
            if not box.folder.exists(folder):
                box.folder.create(folder)
        server.put(user, mail("Sent by us"), folder)

        assert inbox.read(mailbox).new == 0

    def test_a_mail_that_is_moved_between_two_readings_counts_once(self, server, user, mailbox):
        server.put(user, mail("Moved"))
        inbox.read(mailbox)
        with server.open(user) as box:
            box.move(box.uids("ALL"), "Junk")

        assert inbox.read(mailbox) == inbox.Reading(0, is_whole=True)
        assert subjects() == ["Moved"]

    def test_new_numbers_are_read_anew_and_nothing_is_doubled(self, server, user, mailbox):
        server.put(user, mail("Before"))
        inbox.read(mailbox)
        cursor = Folder.objects.get(mailbox=mailbox, name="INBOX").cursor
        server.number_anew(user)
        server.put(user, mail("After"))

        assert inbox.read(mailbox).new == 1

        assert subjects() == ["Before", "After"]
        validity = Folder.objects.get(mailbox=mailbox, name="INBOX").cursor.partition(":")[0]
        assert validity != cursor.partition(":")[0]

    def test_what_came_before_the_mailbox_was_connected_is_nobodys_business(
        self, server, user, mailbox
    ):
        server.put(user, mail("Of last month"), at=datetime.now(UTC) - timedelta(days=20))
        server.put(user, mail("Of today"))

        inbox.read(mailbox)

        assert subjects() == ["Of today"]

    def test_mails_that_share_a_message_id_are_two_mails(self, server, user, mailbox):
        for day in (20, 21):
            date = f"Sat, {day} Nov 2026 12:00:00 +0000"
            server.put(user, mail(f"Of the {day}th", Message_ID="<same@globex.test>", Date=date))

        assert inbox.read(mailbox).new == 2

    def test_a_mail_without_any_id_counts_once_in_two_folders(self, server, user, mailbox):
        raw = b"From: jordan@globex.test\r\nSubject: Bare\r\n\r\nHi\r\n"
        server.put(user, raw)
        server.put(user, raw, "Junk")

        assert inbox.read(mailbox).new == 1


class TestResuming:
    def test_a_reader_killed_in_the_middle_loses_nothing_and_doubles_nothing(
        self, server, user, mailbox, monkeypatch
    ):
        monkeypatch.setattr(imap, "AT_ONCE", 2)
        for number in range(7):
            server.put(user, mail(f"Number {number}"))

        class Killed(Exception):
            pass

        kept = inbox.deliver

        def die_at_the_fourth(*given: object, **named: object) -> object:
            if InboundMail.everywhere.count() == 3:
                raise Killed
            return kept(*given, **named)

        with monkeypatch.context() as patch:
            patch.setattr(inbox, "deliver", die_at_the_fourth)
            with pytest.raises(Killed):
                inbox.read(mailbox)

        assert len(subjects()) == 3
        assert inbox.read(mailbox).new == 4
        assert subjects() == [f"Number {number}" for number in range(7)]

    def test_one_reading_takes_so_many_and_the_next_goes_on(
        self, server, user, mailbox, monkeypatch
    ):
        monkeypatch.setattr(imap, "AT_ONCE", 2)
        monkeypatch.setattr(inbox, "MOST_MAILS", 4)
        for number in range(6):
            server.put(user, mail(f"Number {number}"))

        assert inbox.read(mailbox) == inbox.Reading(4, is_whole=False)
        assert inbox.read(mailbox) == inbox.Reading(2, is_whole=True)

    def test_two_readers_at_once_keep_each_mail_once(self, server, user, mailbox):
        for number in range(5):
            server.put(user, mail(f"Number {number}"))

        together(*[lambda: inbox.read(mailbox)] * 3)

        assert sorted(subjects()) == [f"Number {number}" for number in range(5)]

    def test_a_mail_whose_body_breaks_the_reader_is_kept_by_its_head(
        self, server, user, mailbox, monkeypatch
    ):
        whole = inbox.parsing.parse

        def breaks(raw: bytes) -> object:
            if b"a charset from hell" in raw:
                raise LookupError("unknown encoding")
            return whole(raw)

        monkeypatch.setattr(inbox.parsing, "parse", breaks)
        server.put(user, mail("Odd", "a charset from hell", In_Reply_To="<ours@brightline.test>"))

        assert inbox.read(mailbox).new == 1
        kept = InboundMail.everywhere.get()
        assert (kept.subject, kept.in_reply_to) == ("Odd", "<ours@brightline.test>")


class TestBounds:
    def test_of_a_mail_of_20_megabytes_the_beginning_is_read(
        self, server, user, mailbox, monkeypatch
    ):
        received: list[int] = []
        monkeypatch.setattr(
            imap_line.Line,
            "shutdown",
            lambda line, end=imap_line.Line.shutdown: received.append(line.received) or end(line),
        )
        server.put(user, mail("Large", "What I think.\r\n" + "filler filler\r\n" * 1_400_000))

        inbox.read(mailbox)

        assert InboundMail.everywhere.get().text.startswith("What I think.")
        assert 1_000_000 < max(received) < 1_200_000

    def test_a_few_megabytes_are_in_memory_at_once(self, server, user, mailbox):
        for number in range(6):
            server.put(user, mail(f"Number {number}", "x" * 78 + "\r\n" + "filler\r\n" * 110_000))

        reader = reader_for(mailbox)
        batches = list(reader.read({}, datetime.now(UTC) - timedelta(days=1)))
        reader.close()

        sizes = [sum(len(each.raw) for each in batch.mails) for batch in batches]
        assert sum(len(batch.mails) for batch in batches) == 6
        assert max(sizes) <= imap.BYTES_AT_ONCE

    def test_a_server_that_falls_silent_is_left_in_time(self, server):
        with silent(b"* OK Hello\r\n") as port:
            reader = IMAP(connection(server, port=port), timeout=0.5)
            with pytest.raises(TryAgain, match=r"127\.0\.0\.1 was lost: timed out"):
                read_all(reader)

    def test_a_server_that_drips_is_left_in_time(self, server):
        with silent(b"* OK " + b"x" * 500, drip=0.05) as port:
            reader = IMAP(connection(server, port=port), timeout=0.5)
            with pytest.raises(TryAgain, match="timed out"):
                read_all(reader)

    def test_a_server_that_promises_too_much_is_not_believed(self, server):
        nobody_asked = pytest.raises(TryAgain, match="999,999,999 bytes, which nobody asked for")
        greeting = b"* OK [CAPABILITY IMAP4rev1] Hello {999999999}\r\n"
        with silent(greeting) as port, nobody_asked:
            read_all(IMAP(connection(server, port=port), timeout=5))


class TestConnecting:
    def test_every_step_says_what_it_found(self, server):
        steps = list(IMAP(connection(server)).check_step_by_step())

        assert [step.name for step in steps] == ["dns", "tcp", "tls", "auth", "folders"]
        assert all(step.ok for step in steps)
        assert steps[-1].words == "Answers are looked for in INBOX, Junk, Trash"

    def test_a_wrong_password_is_told_in_the_servers_words(self, server):
        reader = IMAP(connection(server, password="wrong"))

        with pytest.raises(Disconnected, match=r"\[AUTHENTICATIONFAILED\] Authentication failed"):
            read_all(reader)

    def test_a_passing_refusal_is_not_taken_for_a_wrong_password(self, server):
        words = b"[UNAVAILABLE] Try again in an hour"
        with refusing(words) as port, pytest.raises(TryAgain, match="Try again in an hour"):
            read_all(IMAP(connection(server, port=port), timeout=5))

    def test_a_server_that_is_not_there(self, server):
        with pytest.raises(TryAgain, match="does not answer on port 1"):
            read_all(IMAP(connection(server, port=1)))

    def test_a_private_host_is_refused_unless_the_installation_allows_it(self, server):
        reader = IMAP(connection(server, port=993, security="tls", allow_private=False))

        with pytest.raises(Misconfigured, match="on a private network"):
            read_all(reader)

    @pytest.mark.parametrize("security", ["tls", "starttls"])
    def test_both_kinds_of_encryption(self, tmp_path, security):
        certificate = make_certificate(tmp_path)
        trusting = ssl.create_default_context(cafile=certificate)
        with running_dovecot(certificate=certificate) as server:
            port = server.tls_port if security == "tls" else server.port
            place = connection(server, host="localhost", port=port, security=security)

            steps = list(IMAP(place, context=trusting).check_step_by_step())
            unknown = list(IMAP(place).check_step_by_step())

        assert [step.ok for step in steps] == [True] * 5
        assert steps[2].words == "Encrypted with TLSv1.3"
        assert (unknown[-1].name, unknown[-1].ok) == ("tls", False)
        assert "certificate of localhost cannot be trusted" in unknown[-1].words

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"port": 25}, "Port 25 is not one for reading mail"),
            ({"port": 143, "security": "plain"}, "would be sent unencrypted"),
            ({"host": ""}, "has no IMAP server"),
        ],
    )
    def test_what_must_not_be_is_not_tried(self, server, values, words):
        reader = IMAP(connection(server, **({"security": "tls", "allow_private": False} | values)))

        with pytest.raises(Misconfigured, match=words):
            read_all(reader)

    def test_without_starttls_no_password_is_sent(self, server):
        with pytest.raises(Misconfigured, match="does not offer STARTTLS"):
            read_all(IMAP(connection(server, security="starttls")))

    def test_a_kind_of_mailbox_without_a_reader_says_so(self, workspace):
        with pytest.raises(ProviderError, match="of the kind “sandbox” cannot be read"):
            reader_for(make_mailbox(workspace))


@contextmanager
def silent(greeting: bytes, drip: float = 0) -> Iterator[int]:
    """A server that greets, whole or byte by byte, and then says nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=_greet, args=(listening, greeting, drip), daemon=True).start()
        yield listening.getsockname()[1]


def _greet(listening: socket.socket, greeting: bytes, drip: float) -> None:
    connected, _ = listening.accept()
    with connected:
        connected.settimeout(5)
        try:
            if not drip:
                connected.sendall(greeting)
            else:
                for byte in greeting:
                    connected.sendall(bytes([byte]))
                    connected.settimeout(drip)
                    try:
                        connected.recv(1)
                    except TimeoutError:
                        continue
            while connected.recv(1000):
                pass
        except OSError:
            return  # The reader has hung up, which is what the test wants.


@contextmanager
def refusing(words: bytes) -> Iterator[int]:
    """A server that refuses the sign-in with these words."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        Thread(target=_refuse, args=(listening, words), daemon=True).start()
        yield listening.getsockname()[1]


def _refuse(listening: socket.socket, words: bytes) -> None:
    connected, _ = listening.accept()
    with connected, connected.makefile("rwb") as line:
        line.write(b"* OK Hello\r\n")
        line.flush()
        for command in line:
            tag, verb = command.split()[:2]
            knows = verb.upper() == b"CAPABILITY"
            told = b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK Done" if knows else b""
            line.write((told or tag + b" NO " + words) + b"\r\n")
            line.flush()
