"""Encrypted, signed in, and only to servers that may be reached."""

import ssl
from pathlib import Path

import pytest

from mailboxes.providers.base import (
    Disconnected,
    Misconfigured,
    TryAgain,
)
from mailboxes.providers.smtp_line import Connection
from outreach.net import HostRefused, check_host, is_public
from tests.fakes.smtp import (
    free_port,
    make_certificate,
    running_script,
    running_sink,
)
from tests.mailboxes.sending import make_smtp, send

# A sign-in without TLS stays on this machine here.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate)


class TestSecurity:
    def test_starttls_and_sign_in(self, certificate, trusting):
        with running_sink(certificate=certificate, user="alice", password="hören") as sink:
            smtp = make_smtp(
                sink.port,
                host="localhost",
                security="starttls",
                username="alice",
                password="hören",
                context=trusting,
            )
            send(smtp)

        assert [(mail.user, mail.encrypted) for mail in sink.accepted] == [("alice", True)]

    def test_tls_from_the_first_byte(self, certificate, trusting):
        with running_sink(
            certificate=certificate, implicit_tls=True, user="alice", password="secret"
        ) as sink:
            smtp = make_smtp(
                sink.port,
                host="localhost",
                security="tls",
                username="alice",
                password="secret",
                context=trusting,
            )
            send(smtp)

        assert [(mail.user, mail.encrypted) for mail in sink.accepted] == [("alice", True)]

    def test_sign_in_by_login_alone(self):
        with running_script(
            EHLO="250-fake\r\n250 AUTH=LOGIN",
            AUTH="334 VXNlcm5hbWU6",
            # The server looks commands up in capitals, these lines too.
            **{"YWXPY2U=": "334 UGFzc3dvcmQ6", "C2VJCMV0": "235 ok"},
        ) as server:
            send(make_smtp(server.port, username="alice", password="secret"))

        assert server.commands[1:4] == ["AUTH LOGIN", "YWxpY2U=", "c2VjcmV0"]
        assert len(server.accepted) == 1

    def test_a_wrong_password_disconnects_the_mailbox(self):
        with running_sink(user="alice", password="secret") as sink:
            smtp = make_smtp(sink.port, username="alice", password="wrong")
            with pytest.raises(Disconnected, match="535 5.7.8"):
                send(smtp)

    def test_an_untrusted_certificate_is_a_setting_to_correct(self, certificate):
        with (
            running_sink(certificate=certificate, implicit_tls=True) as sink,
            pytest.raises(Misconfigured, match="certificate of localhost.*self-signed"),
        ):
            send(make_smtp(sink.port, host="localhost", security="tls"))

        assert sink.accepted == []

    def test_the_certificate_must_be_the_hosts_own(self, certificate, trusting):
        with (
            running_sink(certificate=certificate) as sink,
            pytest.raises(Misconfigured, match="127.0.0.1"),
        ):
            send(make_smtp(sink.port, security="starttls", context=trusting))

        assert sink.accepted == []

    def test_an_expired_certificate_is_refused(self, tmp_path):
        old = make_certificate(tmp_path, days=-1)
        trusting_old = ssl.create_default_context(cafile=old)

        with running_sink(certificate=old) as sink:
            smtp = make_smtp(sink.port, host="localhost", security="starttls", context=trusting_old)
            with pytest.raises(Misconfigured, match="expired"):
                send(smtp)

    def test_missing_starttls_is_said_and_nothing_is_sent_in_the_clear(self):
        with (
            running_script() as server,
            pytest.raises(Misconfigured, match="does not offer STARTTLS"),
        ):
            send(make_smtp(server.port, security="starttls", username="a", password="b"))

        assert [line.split()[0].upper() for line in server.commands] == ["EHLO"]

    def test_answers_slipped_in_before_the_encryption_are_refused(self):
        slipped = {
            "EHLO": "250-fake\r\n250 STARTTLS",
            "STARTTLS": "220 go\r\n250-fake\r\n250 AUTH PLAIN",
        }
        with (
            running_script(**slipped) as server,
            pytest.raises(Misconfigured, match="before TLS"),
        ):
            send(make_smtp(server.port, security="starttls"))

    def test_tls_to_a_server_without_it_is_not_sent(self):
        with running_script() as server, pytest.raises(TryAgain):
            send(make_smtp(server.port, security="tls"))

        assert server.accepted == []

    def test_a_server_without_sign_in_is_a_setting_to_correct(self):
        with (
            running_script(EHLO="250 fake") as server,
            pytest.raises(Misconfigured, match="no sign-in"),
        ):
            send(make_smtp(server.port, username="a", password="b"))

    def test_the_password_is_never_shown(self):
        assert "secret" not in repr(Connection("h", 25, password="secret"))


class TestConnectPage:
    def test_each_step_is_told(self, certificate, trusting):
        with running_sink(certificate=certificate, user="alice", password="secret") as sink:
            smtp = make_smtp(
                sink.port,
                host="localhost",
                security="starttls",
                username="alice",
                password="secret",
                context=trusting,
            )
            smtp.check()
            steps = list(smtp.check_step_by_step())

        assert [(step.name, step.ok) for step in steps] == [
            ("dns", True),
            ("tcp", True),
            ("tls", True),
            ("auth", True),
        ]
        assert "Encrypted with TLSv1" in steps[2].words
        assert steps[3].words == "Signed in as alice"

    def test_the_first_failing_step_ends_it(self):
        with running_script(AUTH="535 5.7.8 wrong password") as server:
            smtp = make_smtp(server.port, username="alice", password="x")
            steps = list(smtp.check_step_by_step())
            with pytest.raises(Disconnected):
                smtp.check()

        assert [(step.name, step.ok) for step in steps][-1] == ("auth", False)
        assert steps[-1].words == "535 5.7.8 wrong password"

    def test_a_closed_port_fails_at_tcp(self):
        steps = list(make_smtp(free_port()).check_step_by_step())

        assert [(step.name, step.ok) for step in steps] == [("dns", True), ("tcp", False)]

    def test_a_missing_host_is_a_setting_to_correct(self):
        with pytest.raises(Misconfigured):
            make_smtp(25, host="").check()


class TestPrivateHosts:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "localhost",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.192",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "fe80::1",
            "fc00::1",
            "fec0::1",
        ],
    )
    def test_private_addresses_are_refused_in_a_deployment(self, host):
        with pytest.raises(HostRefused, match="private network"):
            check_host(host, 587, allow_private=False)

    @pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
    def test_public_addresses_are_not(self, address):
        assert is_public(address)

    def test_one_private_address_among_several_is_enough_to_refuse(self, monkeypatch):
        def resolve(host: str, port: int, **kind: object) -> list[tuple]:
            return [(2, 1, 6, "", (at, port)) for at in ("8.8.8.8", "10.0.0.1")]

        monkeypatch.setattr("socket.getaddrinfo", resolve)

        with pytest.raises(HostRefused, match="10.0.0.1"):
            check_host("rebinding.test", 587, allow_private=False)

    def test_the_name_is_asked_once_and_the_checked_address_is_used(self, monkeypatch):
        """A name that turns private between the check and the connection changes nothing."""
        with running_script() as server:
            answers = ["127.0.0.1", "10.0.0.1"]

            def resolve(host: str, port: int, **kind: object) -> list[tuple]:
                return [(2, 1, 6, "", (answers.pop(0), port))]

            monkeypatch.setattr("socket.getaddrinfo", resolve)
            send(make_smtp(server.port, host="mail.acme.test"))

        assert answers == ["10.0.0.1"]
        assert len(server.accepted) == 1

    def test_a_deployment_makes_no_connection_to_them(self, monkeypatch):
        with running_script() as server:
            monkeypatch.setattr("mailboxes.providers.smtp_line.PORTS", {server.port})
            with pytest.raises(Misconfigured, match="private network"):
                send(make_smtp(server.port, allow_private=False))

        assert server.connections == 0

    def test_a_deployment_connects_to_mail_ports_alone(self):
        with pytest.raises(Misconfigured, match="6379"):
            send(make_smtp(6379, host="mail.acme.test", allow_private=False))

    def test_a_deployment_sends_no_password_in_the_clear(self):
        smtp = make_smtp(25, host="mail.acme.test", username="alice", allow_private=False)

        with pytest.raises(Misconfigured, match="unencrypted"):
            send(smtp)

    def test_what_is_no_host_name_is_refused(self):
        with pytest.raises(HostRefused):
            check_host("x" * 300, 587, allow_private=True)
