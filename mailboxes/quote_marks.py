"""The marks by which mail programs tell whose words are whose, in the languages they speak."""

import re

QUOTED = re.compile(r"\s{0,3}[>|]")
# What a line that introduces a quote begins with: a preposition, a weekday or a date, or a name.
ATTRIBUTION_START = re.compile(
    r"""[\s*_-]{0,8}(
        (on|at|am|le|el|em|no\s+dia|a|il|il\s+giorno|op|den|vào|w\s+dniu|dnia|на|на\s+\w{2}|в)\s
        | (dne|în|στις|vào|pada|kuupäev)\s
        | \d{1,4}[-./年년\s]\s?(\d{1,2}|\w{3,10})
        | [^\W\d]{2,12}\.?,?\s\d{1,2}\b
        | .{0,120}<[^<>\s]{1,100}@[^<>\s]{1,100}>
        | 在
        | [^\W\d][^:<>\n]{1,60}\s
            (wrote|schrieb|schreef|skrev|kirjoitti|escribió|escreveu|napisał|a\sécrit
            |ha\sscritto)\s(on|am|op|den|le|el|em|il)?\s?\d
    )""",
    re.IGNORECASE | re.VERBOSE,
)
WROTE = re.compile(
    r"""\b(wrote|writes|said|schrieb|(a|à)\s+(é|e)crit|escribi(ó|o)|escreveu|ha\s+scritto|scrisse
        |schreef|heeft\s+.{0,80}geschreven|skrev|kirjoitti|napisał(\(a\)|a)?|napsal(\(a\)|a)?|написал\w{0,3}|пишет
        |pisze|a\s+scris|yazdı|yazmış)\b|写道|寫道|작성|のメッセージ|>""",
    re.IGNORECASE | re.VERBOSE,
)
# Without the colon at its end.
UNENDED = re.compile(
    r"(\swrote|\sschrieb|\sa écrit|\sescribió|\swrote\s-{2,}"
    r"|\d[:.]\d\d\s(wrote|schrieb|schreef|skrev)\s[^:]{1,80}>)$"
)
ORIGINAL = re.compile(
    r"""\s{0,3}[-_*=#]{2,40}\s{0,2}(
        original\s+(message|appointment|email) | forwarded\s+message | begin\s+forwarded
        | urspr(ü|ue)ngliche\s+(nachricht|e-?mail) | weitergeleitete\s+nachricht
        | message\s+(d.origine|original|initial) | message\s+transf(é|e)r(é|e) | mensaje\s+original
        | mensaje\s+reenviado | mensagem\s+(original|encaminhada) | messaggio\s+originale
        | messaggio\s+inoltrato | oorspronkelijk\s+bericht | doorgestuurd\s+bericht
        | oprindelig\s+(meddelelse|besked) | ursprungligt\s+meddelande | opprinnelig\s+melding
        | reply\s+message | (please\s+)?(type\s+|write\s+)?(your\s+)?reply\s+above\s+this\s+line
        | original\s{0,2}-
    ) | \s{0,3}begin\s+forwarded\s+message:""",
    re.IGNORECASE | re.VERBOSE,
)
HEADER_FROM = re.compile(
    r"""[\s*]{0,4}(from|von|de(\sla)?|da|van|från|fra|od|от|від|expéditeur|lähettäjä|kimden|feladó|από
        |dari|发件人|寄件者|差出人|보낸\s사람)\s?\*{0,2}\s?[:：]""",
    re.IGNORECASE | re.VERBOSE,
)
HEADER_OTHER = re.compile(
    r"""[\s*]{0,4}(sent|date|to|cc|subject|reply-to|gesendet|datum|an|betreff|envoyé|envoyé\s+le|à
        |objet|enviado(\s+el)?|fecha|para|asunto|enviada(\s+em)?|data|assunto|inviato|a|oggetto
        |verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|wysłano|do|temat|дата|кому|тема
        |надіслано|отправлено|odesláno|komu|předmět|predmet|lähetetty|vastaanottaja|aihe|gönderildi
        |kime|konu|elküldve|címzett|tárgy|trimis|către|subiect|στάλθηκε|προς|θέμα|dikirim|kepada
        |perihal|发送时间|收件人|主题|日期|寄件日期|收件者|主旨|送信日時|宛先|件名|日時
        |보낸\s날짜|날짜|받는\s사람|제목|参照|抄送)\s?\*{0,2}\s?[:：]""",
    re.IGNORECASE | re.VERBOSE,
)
RULE = re.compile(r"([_]{5,}|[-]{5,}|[=]{5,}|[—]{3,})\s*")
SIGNATURE = re.compile(r"--\s?")
LIST_RULE = re.compile(r"_{20,}|-{20,}|={20,}")
LIST_FOOTER = re.compile(
    r"mailing list|mailman/listinfo|list-?unsubscribe|you (?:are receiving|received) this",
    re.IGNORECASE,
)
# What a company puts below, or above, every mail.
DISCLAIMER = re.compile(
    r"""[\W_]{0,10}(?:
        (?:legal\s|confidentiality\s|privacy\s|important\s)?(?:disclaimer|notice)\b\W
        | confidential(?:ity)?\b[^.]{0,80}[:.]
        | (?:the\sinformation|information)\s(?:contained\s)?in\sthis\s
        | this\s(?:e-?mail|message|communication|transmission)\b[^.]{0,200}
            (?:confidential|privileged|intended\s(?:only|solely|recipient|for))
        | please\s(?:consider|think\sof)\sthe\senvironment
        | diese\s(?:e-?mail|nachricht|mitteilung)\b[^.]{0,200}vertraulich
        | ce\s(?:message|mail|courriel|courrier)\b[^.]{0,200}(?:confidentiel|destin)
        | (?:este|el\spresente)\s(?:mensaje|correo|e-?mail)\b[^.]{0,200}(?:confidencial|destinatari)
        | (?:questo|il\spresente|la\spresente)\s(?:messaggio|e-?mail|comunicazione)\b[^.]{0,200}
            (?:riservat|confidenzial|destinatari)
        | (?:esta|este)\s(?:mensagem|e-?mail)\b[^.]{0,200}(?:confidencia|destinat)
        | (?:dit\s(?:e-?mail)?bericht|deze\se-?mail)\b[^.]{0,200}(?:vertrouwelijk|bestemd)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
BANNER = re.compile(
    r"[\W_]{0,10}(?:(?:caution|warning|external(?: e-?mail| sender)?)\b.{0,30}|)"
    r"this (?:e-?mail|message) (?:originated|came|was sent) from (?:outside|an external)",
    re.IGNORECASE,
)
DEVICE = r"[\w'’+.<>\[\]()/:?=&#-]{1,120}"
SENT_FROM = re.compile(
    rf"""[\s*_<(\[]{{0,4}}(
        sent\s(from|via|with|using|by)\s(my\s|a\s|the\s|an\s)?{DEVICE}(\s{DEVICE}){{0,6}}
        | (get|download)\s\W?outlook\s?(for\s.{{0,80}})?
        | ((diese\s)?(nachricht|e-?mail)\swurde\s)?
            (von|mit)\s(meinem|meinen|mein)\s.{{1,60}}\s(gesendet|geschickt|verschickt)
        | gesendet\s(von|mit|über|via)\s.{{1,60}}
        | envoy(é|e)\s(de|depuis|à\spartir\sde|avec|via)\s.{{1,60}}
        | t(é|e)l(é|e)charge[rz]\soutlook.{{0,60}}
        | enviado\s(desde|do|de|a\spartir|via|con|com)\s.{{1,60}} | obtener\soutlook\spara.{{0,60}}
        | inviato\s(da|dal|con|tramite)\s.{{1,60}} | scarica\soutlook.{{0,60}}
        | (verstuurd|verzonden)\s(vanaf|met|via|van)\s.{{1,60}} | .{{0,12}}outlook\svoor\s.{{1,60}}
        | skickat\sfrån\s.{{1,60}} | sendt\sfra\s.{{1,60}} | lähetetty\s.{{1,60}}
        | wysłane\sz\s.{{1,60}} | отправлено\s(с|из)\s.{{1,60}}
        | 從我的\s?.{{1,30}}傳送 | 从我的\s?.{{1,30}}发送 | iphoneから送信
    )[\s*_>)\].!]{{0,4}}(,?\s?(please|excuse|sorry|apologies|pardon|forgive).{{0,80}})?""",
    re.IGNORECASE | re.VERBOSE,
)
