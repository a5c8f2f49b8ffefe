"""Which addresses can be written to, and what they say about a company. Asks no name server."""

import re
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

MAX_LENGTH = 320
NAME_AND_ADDRESS = re.compile(r"[^<>]*<([^<>]*)>")
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Written without the dots, dashes and underscores that people put into them.
ROLES = _words(
    """
    abuse account accounting accounts accountspayable adm admin administracao administracion
    administration administrator ads advertising alert alerts all anfrage apply assistance
    assistenza atencionalcliente atendimento backoffice billing board booking bookings bot
    bounce bounces buchhaltung business career careers ceooffice cert clientes
    clientservices comercial commercial commerciale communication communications community
    complaints compliance compras compta comptabilite contabilidad contabilidade contact
    contacto contactus contato customer customercare customers customerservice
    customersuccess customersupport daemon datenschutz demo dev developers devnull devops
    direction donotreply editor editorial einkauf email empfang enquiries enquiry events
    everyone export facturacion faturamento feedback finance franchise frontdesk ftp
    fundraising gdpr general geral guest hello help helpdesk hilfe hostmaster hotel hr
    humanresources import info information infos inkoop inquiries inquiry investorrelations
    investors invoice invoices it jobs kontakt kundendienst kundenservice legal library list
    listmaster logistics magasin mail mailerdaemon mailing mailman maintenance management
    marketing media member members mktg moderation moderator network news newsdesk
    newsletter nobody noc noreply notifications office ombudsman operations order orders
    owner partner partners partnerships payments payroll pedidos personal personalabteilung
    postmaster pr press presse privacy procurement projects public publicrelations
    purchasing reception rechnung recruiter recruiting recruitment redaktion registrar
    remove returns rh root rrhh sac sale sales salesteam secretaria secretariat secretary
    security segreteria sekretariat service servicedesk services shop social soporte spam
    staff store studio subscribe subscriptions suporte support supportteam sysadmin system
    talent team tech technical techsupport test tickets training treasurer ufficio
    undisclosedrecipients unsubscribe usenet vendas ventas verkauf verkoop vertrieb
    verwaltung volunteer web webadmin webmaster website welcome www
    """
)

FREE_MAIL = _words(
    """
    126.com 139.com 163.com 189.cn 21cn.com aim.com alice.it aliyun.com aol.com aol.de
    arcor.de att.net bell.net bellsouth.net bigpond.com bk.ru bluewin.ch bol.com.br
    btinternet.com centrum.cz charter.net comcast.net cox.net daum.net duck.com
    earthlink.net email.cz email.de fastmail.com fastmail.fm foxmail.com free.fr freemail.hu
    freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hanmail.net
    hey.com hotmail.be hotmail.ca hotmail.co.uk hotmail.com hotmail.com.br hotmail.de
    hotmail.es hotmail.fr hotmail.it hotmail.nl hushmail.com icloud.com ig.com.br inbox.lv
    inbox.ru interia.pl kolabnow.com laposte.net libero.it list.ru live.be live.ca
    live.co.uk live.com live.de live.fr live.it live.nl lycos.com mac.com mail.com mail.de
    mail.ru mailbox.org me.com msn.com naver.com neuf.fr ntlworld.com o2.pl onet.pl
    onmail.com op.pl optonline.net optusnet.com.au orange.fr outlook.at outlook.com
    outlook.com.br outlook.de outlook.es outlook.fr outlook.it pm.me poczta.onet.pl
    posteo.de proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com
    rocketmail.com rogers.com sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com
    sky.com skynet.be sohu.com sympatico.ca t-online.de talktalk.net telenet.be telus.net
    terra.com.br tin.it tiscali.it tuta.com tuta.io tutanota.com tutanota.de uol.com.br
    verizon.net virgilio.it virginmedia.com wanadoo.fr web.de wp.pl xtra.co.nz ya.ru
    yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.ar yahoo.com.au
    yahoo.com.br yahoo.com.mx yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru
    yeah.net ymail.com ziggo.nl zoho.com
    """
)


@dataclass(frozen=True, slots=True)
class Address:
    """One address as it is kept, or why it cannot be written to."""

    ok: bool
    normal: str = ""
    reason: str = ""
    problem: str = ""


@lru_cache(maxsize=4096)
def check_address(email: str) -> Address:
    """Return the address in its normal form, or the reason `malformed` with a sentence.

    >>> check_address(" Ana Silva <Ana.Silva@Bücher.example> ").normal
    'ana.silva@xn--bcher-kva.example'
    >>> check_address("ana@acme").reason
    'malformed'
    >>> check_address("a@acme.com, b@acme.com").problem
    'Give one address, not several.'
    """
    text = email.strip().strip(INVISIBLE).strip()
    if not text:
        return _malformed("There is no address.")
    if len(text) > MAX_LENGTH:
        return _malformed("The address is too long.")
    # A quoted local part could hold an @; those are refused anyway.
    if text.count("@") > 1 and re.search(r"@[^@]*[\s,;<>/|][^@]*@", text):
        return _malformed("Give one address, not several.")
    if named := NAME_AND_ADDRESS.fullmatch(text):
        text = named[1].strip()
    if text[:7].lower() == "mailto:":
        text = text[7:]
    try:
        # The reserved domain .test is where the demo and rehearsals send to.
        valid = validate_email(
            text,
            strict=True,
            check_deliverability=False,
            allow_smtputf8=False,
            test_environment=True,
        )
    except EmailNotValidError as problem:
        return _malformed(str(problem))
    return Address(True, f"{valid.local_part}@{valid.ascii_domain}".lower())


def _malformed(problem: str) -> Address:
    return Address(False, reason="malformed", problem=problem)


def is_role(local_part: str) -> bool:
    """Say whether the part before the @ names a function and not a person.

    >>> is_role("No-Reply"), is_role("sales+emea"), is_role("ana.silva")
    (True, True, False)
    """
    name = re.sub(r"[-_.]", "", local_part.lower().partition("+")[0])
    return name in ROLES or "noreply" in name or "donotreply" in name


def domain_of(email: str) -> str:
    """Return what follows the last @, in lower case.

    >>> domain_of("Ana@Acme.com"), domain_of("nobody")
    ('acme.com', '')
    """
    return email.rpartition("@")[2].strip().lower() if "@" in email else ""


def is_free_mail(domain: str) -> bool:
    """Say whether anybody can have an address at the domain.

    >>> is_free_mail("GMail.com"), is_free_mail("acme.com")
    (True, False)
    """
    return domain.strip().lower() in FREE_MAIL


def company_domain(email: str) -> str:
    """Return the domain that stands for the address's company, or nothing for free mail.

    >>> company_domain("ana@acme.com"), company_domain("ana@gmail.com")
    ('acme.com', '')
    """
    domain = domain_of(email)
    return "" if is_free_mail(domain) else domain
