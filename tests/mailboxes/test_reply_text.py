import pytest

from mailboxes.quoting import own_words, reply_text

# How mail programs introduce what is answered, in many tongues.
INTRODUCTIONS = [
    "Dne pá 14. 2. 2025 v 10:12 odesílatel Jan Novák <jan@us.test> napsal:",
    "Dne 14.2.2025 v 10:12 Jan Novák napsal(a):",
    "2025년 2월 14일 (금) 오후 3:12, Kim <kim@us.test>님이 작성:",
    "2025년 2월 14일 (금) 오후 3:12에 Kim님이 작성:",
    "2025年2月14日(金) 15:12 田中 <tanaka@us.test>:",
    "2025年2月14日(金) 15:12 田中 <tanaka@us.test>のメッセージ:",
    "张三 <zhang@us.test> 于2025年2月14日周五 15:12写道：",
    "在 2025年2月14日，15:12，张三 <zhang@us.test> 写道：",
    "Den fre 14 feb. 2025 kl 10:12 skrev Bo Ek <bo@us.test>:",
    "14 feb. 2025 kl. 10:12 skrev Bo Ek <bo@us.test>:",
    "fre. 14. feb. 2025 kl. 10:12 skrev Bo Ek <bo@us.test>:",
    "pe 14. helmik. 2025 klo 10.12 Bo Ek (bo@us.test) kirjoitti:",
    "Bo Ek kirjoitti 14.2.2025 klo 10.12:",
    "Bo Ek <bo@us.test>, 14 Şub 2025 Cum, 10:12 tarihinde şunu yazdı:",
    "Bo Ek <bo@us.test> ezt írta (időpont: 2025. febr. 14., P, 10:12):",
    "În vin., 14 feb. 2025 la 10:12, Bo Ek <bo@us.test> a scris:",
    "Στις Παρ 14 Φεβ 2025 στις 10:12 π.μ., ο/η Bo Ek <bo@us.test> έγραψε:",
    "пт, 14 лют. 2025 р. о 10:12 Bo Ek <bo@us.test> пише:",
    "пт, 14 февр. 2025 г. в 10:12, Bo Ek <bo@us.test>:",
    '14.02.2025, 10:12, "Bo Ek" <bo@us.test>:',
    "Vào Th 6, 14 thg 2, 2025 vào lúc 10:12 Bo Ek <bo@us.test> đã viết:",
    "في الجمعة، 14 فبراير 2025 في 10:12 ص تمت كتابة ما يلي بواسطة Bo Ek <bo@us.test>:",
    "Pada tanggal Jum, 14 Feb 2025 pukul 10.12 Bo Ek <bo@us.test> menulis:",
    "Missatge de Bo Ek <bo@us.test> del dia dv., 14 de febr. 2025 a les 10:12:",
    "pet, 14. velj 2025. u 10:12 Bo Ek <bo@us.test> je napisao/la:",
    "Kuupäev R, 14. veebruar 2025 kell 10:12 kirjutas Bo Ek <bo@us.test>:",
    "На пт, 14.02.2025 г. в 10:12 ч. Bo Ek <bo@us.test> написа:",
    "W dniu pt., 14 lut 2025 o 10:12 Bo Ek <bo@us.test> napisał(a):",
    "pt., 14 lut 2025 o 10:12 Bo Ek <bo@us.test> napisał(a):",
    "Dnia 14 lutego 2025 10:12 Bo Ek <bo@us.test> napisał(a):",
    "On Friday, February 14, 2025, Bo Ek <bo@us.test> wrote:",
    "On Feb 14, 2025, at 10:12 AM, Bo Ek <bo@us.test> wrote:",
    "On 14/02/25 10:12, Bo Ek wrote:",
    "Bo Ek <bo@us.test> wrote on 14/02/2025 10:12:33:",
    "Bo Ek wrote on 14/02/2025 10:12:",
    "From: Bo Ek <bo@us.test>\nDate: Friday, February 14, 2025 at 10:12 AM\n"
    "To: Ana <ana@acme.test>\nSubject: Re: Hello",
    "Od: Bo Ek <bo@us.test>\nOdesláno: pátek 14. února 2025 10:12\nKomu: Ana\nPředmět: Hello",
    "보낸 사람: Bo Ek <bo@us.test>\n보낸 날짜: 2025년 2월 14일\n받는 사람: Ana\n제목: Hello",
    "差出人: Bo Ek <bo@us.test>\n送信日時: 2025年2月14日\n宛先: Ana\n件名: Hello",
    "寄件者: Bo Ek <bo@us.test>\n寄件日期: 2025年2月14日\n收件者: Ana\n主旨: Hello",
    "发件人: Bo Ek <bo@us.test>\n发送时间: 2025年2月14日\n收件人: Ana\n主题: Hello",
    "Lähettäjä: Bo Ek <bo@us.test>\nLähetetty: perjantai 14. helmikuuta 2025\n"
    "Vastaanottaja: Ana\nAihe: Hello",
    "Kimden: Bo Ek <bo@us.test>\nGönderildi: 14 Şubat 2025 Cuma\nKime: Ana\nKonu: Hello",
    "Feladó: Bo Ek <bo@us.test>\nElküldve: 2025. február 14.\nCímzett: Ana\nTárgy: Hello",
    "De la: Bo Ek <bo@us.test>\nTrimis: vineri, 14 februarie 2025\nCătre: Ana\nSubiect: Hello",
    "Från: Bo Ek <bo@us.test>\nSkickat: den 14 februari 2025\nTill: Ana\nÄmne: Hello",
    "Fra: Bo Ek <bo@us.test>\nSendt: fredag 14. februar 2025\nTil: Ana\nEmne: Hello",
    "Van: Bo Ek <bo@us.test>\nDatum: vrijdag 14 februari 2025 om 10:12\nAan: Ana\nOnderwerp: Hello",
    "-------- Original Message --------\nSubject: Hello\n"
    "From: Bo Ek <bo@us.test>\nDate: Fri, 14 Feb 2025\nTo: Ana",
    "Subject: Hello\nFrom: Bo Ek <bo@us.test>\nDate: Fri, 14 Feb 2025\nTo: Ana",
    "-------- Forwarded Message --------\nSubject: Hello",
    "---- On Fri, 14 Feb 2025 10:12:00 +0100 Bo Ek <bo@us.test> wrote ----",
    '------------------ Original ------------------\nFrom: "Bo Ek" <bo@us.test>;\n'
    "Date: Fri, Feb 14, 2025 10:12 PM\nTo: Ana",
    "----- Original Message -----\nFrom: Bo Ek\nTo: Ana",
    "-----Message d'origine-----\nDe : Bo Ek",
    "-----Mensaje original-----\nDe: Bo Ek",
    "Begin forwarded message:\n\nFrom: Bo Ek <bo@us.test>\n"
    "Subject: Hello\nDate: 14 February 2025\nTo: Ana",
    "Bo Ek <bo@us.test> schrieb am Fr., 14. Feb. 2025, 10:12:",
    "Gesendet: Freitag, 14. Februar 2025 um 10:12 Uhr\n"
    'Von: "Bo Ek" <bo@us.test>\nAn: Ana\nBetreff: Hello',
    "Le ven. 14 févr. 2025 à 10:12, Bo Ek <bo@us.test> a\nécrit :",
    "O dia 14/02/2025, Bo Ek <bo@us.test> escreveu:",
    "El vie, 14 feb 2025 a la(s) 10:12 a.m., Bo Ek (bo@us.test)\nescribió:",
    "Il giorno 14 feb 2025, alle ore 10:12, Bo Ek <bo@us.test> ha scritto:",
    "Il 14/02/2025 10:12, Bo Ek ha scritto:",
    "Op vr 14 feb 2025 om 10:12 schreef Bo Ek <bo@us.test>",
    "________________________________\nVon: Bo Ek <bo@us.test>\n"
    "Gesendet: Freitag, 14. Februar 2025 10:12\n"
    "An: Ana <ana@acme.test>\nBetreff: Hello",
    "##- Please type your reply above this line -##\nYour request has been updated.",
    "--- Reply above this line ---\nBo wrote",
    "-----Original Appointment-----\nFrom: Bo",
    "*Von:* Bo Ek <bo@us.test>\n*Datum:* Freitag, 14. Februar 2025\n*An:* Ana\n*Betreff:* Hello",
    "**From:** Bo Ek <bo@us.test>\n**Sent:** Friday\n**To:** Ana\n**Subject:** Hello",
    "From: Bo Ek [mailto:bo@us.test] \nSent: Friday, 14 February 2025 10:12\nTo: Ana",
    "On 2025-02-14 10:12, Bo Ek via Acme wrote:",
    "Bo Ek schreef op 14-02-2025 10:12:",
    "Bo Ek a écrit le 14/02/2025 10:12 :",
]
OURS = ["> Shall we talk?\n> Bo", "Shall we talk?\n\nBo"]


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
@pytest.mark.parametrize("quote", OURS, ids=["marked", "plain"])
def test_what_is_answered_is_left_out_whatever_introduces_it(introduction, quote):
    text = f"Sounds good.\n\nAna\n\n{introduction}\n\n{quote}\n"

    assert reply_text(text) == "Sounds good.\n\nAna"


@pytest.mark.parametrize(
    "line",
    [
        "She wrote on Monday:",
        "The offer of 14/02/2025 said:",
        "Bo wrote: come at 10:12",
        "Subject: prices\nas discussed",
        "Date: next Tuesday\nTime: 10:00",
        "To: be or not",
        "Original thinking is rare",
        "From Monday on I am free",
        "Name: Ana Silva\nPhone: +351 21 000 00 00\nEmail: ana@acme.test",
    ],
)
def test_what_only_looks_like_an_introduction_stays(line):
    text = f"Hello.\n\n{line}\nand this is what I think of it.\n\nAna"

    assert reply_text(text) == text


def test_a_quote_is_kept_where_it_is_answered():
    text = "Hi Bo,\n\n> When?\n\nTuesday.\n\n> Where?\n\nAt ours.\n"

    assert reply_text(text) == text.strip()
    assert own_words(reply_text(text)).split() == ["Hi", "Bo,", "Tuesday.", "At", "ours."]


def test_our_mail_above_the_answer_is_left_out():
    assert reply_text("On Mon, 2 Nov 2026, Bo wrote:\n> Hi Ana\n>\n> Bo\n\nYes.\n") == "Yes."


def test_a_long_history_is_left_out_though_something_stands_below_it():
    history = "> old\n" * 30

    assert reply_text(f"Yes.\n\n{history}\nAcme Ltd, Lisbon") == "Yes.\n\nAcme Ltd, Lisbon"


@pytest.mark.parametrize(
    "footer",
    [
        "_______________________________________________\nusers mailing list\nhttps://l.test/users",
        "This email and any attachments are confidential and intended only for the addressee.",
        "CONFIDENTIALITY NOTICE: The contents of this email\nare privileged.",
        "Disclaimer: we are not liable for anything.",
        "Diese E-Mail enthält vertrauliche Informationen.",
        "Ce message et ses pièces jointes sont confidentiels.",
        "Este mensaje y sus anexos son confidenciales.",
        "Questo messaggio è riservato al destinatario.",
        "Esta mensagem é confidencial e destina-se ao destinatário.",
        "Dit bericht is vertrouwelijk en bestemd voor de geadresseerde.",
        "Please consider the environment before printing this email.",
    ],
)
def test_what_is_put_below_every_mail_is_left_out(footer):
    assert reply_text(f"Yes, gladly.\n\nAna\n\n{footer}\n") == "Yes, gladly.\n\nAna"


def test_a_warning_of_our_own_mail_server_above_the_mail_is_left_out():
    banner = "[EXTERNAL] CAUTION: This email originated from outside of the organization."

    assert reply_text(f"{banner}\n\nYes, gladly.") == "Yes, gladly."


def test_a_disclaimer_alone_is_shown_for_want_of_anything_else():
    text = "This message is confidential."

    assert reply_text(text) == text


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my HTC M8 Android phone.  Please excuse typos",
        "Sent from Yahoo Mail on Android",
        "Sent from Mailbox for iPad",
        "(sent from a phone)",
        "Get Outlook for Android<https://aka.ms/AAb9ysg>",
        "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
        "Envoyé à partir de Outlook pour iOS",
        "從我的 iPhone 傳送",
        "Verzonden met BlackBerry Work",
    ],
)
def test_a_telephone_that_names_itself_is_left_out(line):
    assert reply_text(f"Yes.\n\n{line}\n") == "Yes."


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my desk, which is much easier than my phone.",
        "Sent from Lisbon to Porto in three days, can you do that? Then we should talk again soon.",
        "Gesendet wurde noch nichts.",
    ],
)
def test_a_sentence_that_begins_like_a_telephone_stays(line):
    assert reply_text(f"Hello.\n\n{line}\n") == f"Hello.\n\n{line}"


def test_a_signature_above_a_quote_stays_where_no_word_can_be_lost():
    text = "Yes.\n\n--\nAna Silva\n\nOn Mon, 2 Nov 2026 at 9:14, Bo <bo@us.test> wrote:\n> Hi"

    assert reply_text(text) == "Yes.\n\n--\nAna Silva"
    assert own_words(reply_text(text)).strip() == "Yes."
