"""How days are written down in seven languages; the patterns match folded texts."""

import re

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january januar janner janvier enero gennaio janeiro januari jan",
            "february februar fevrier febrero febbraio fevereiro februari feb",
            "march marz maerz mars marzo marco maart mar",
            "april avril abril aprile apr",
            "may mai mayo maggio maio mei",
            "june juni juin junio giugno junho jun",
            "july juli juillet julio luglio julho jul",
            "august aout agosto augustus aug",
            "september septembre septiembre settembre setembro sept sep",
            "october oktober octobre octubre ottobre outubro oct okt",
            "november novembre noviembre novembro nov",
            "december dezember decembre diciembre dicembre dezembro dec dez",
        ),
        start=1,
    )
    for name in names.split()
}
WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday montag lundi lunes lunedi segunda maandag",
            "tuesday dienstag mardi martes martedi terca dinsdag",
            "wednesday mittwoch mercredi miercoles mercoledi quarta woensdag",
            "thursday donnerstag jeudi jueves giovedi quinta donderdag",
            "friday freitag vendredi viernes venerdi sexta vrijdag",
            "saturday samstag samedi sabado sabato zaterdag",
            "sunday sonntag dimanche domingo domenica zondag",
        ),
        start=1,
    )
    for name in names.split()
}
NUMBERS = {
    word: number
    for number, words in enumerate(
        (
            "a an one ein eine einem einer un une uno una um uma een",
            "two couple zwei deux dos due dois duas twee",
            "three few drei trois tres tre drie",
            "four vier quatre cuatro quattro quatro",
            "five funf fuenf cinq cinco cinque vijf",
            "six sechs seis sei zes",
        ),
        start=1,
    )
    for word in words.split()
}
MONTH = rf"(?P<month>{'|'.join(MONTHS)})\b\.?"
ORDINAL = r"(?:st|nd|rd|th|er|re|ro|o|a|e|\.|°)?"
# "3 to" of "3 to 10 March": the last day is meant.
TO = r"\s?(?:-|–|to|through|thru|until|till|bis|au|al|a|ao|ate|tot(?:\s+en\s+met)?|t/m)\s?"
YEAR = r"(?:(?:,?\s+(?:de\s+|del\s+)?|-)(?P<year>20\d\d))?"
DAY_MONTH = re.compile(rf"\b(?P<day>\d{{1,2}}){ORDINAL}[\s-]+(?:of\s+|de\s+)?{MONTH}{YEAR}")
MONTH_DAY = re.compile(
    rf"\b{MONTH}[\s-]+(?:the\s+)?(?:\d{{1,2}}{ORDINAL}{TO}(?=\d))?"
    rf"(?P<day>\d{{1,2}}){ORDINAL}(?![\d:]){YEAR}"
)
ISO_DATE = re.compile(r"\b(?P<year>20\d\d)([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})\b")
# 30.11. and 30/11 and any of them with a year; 3.2 is a version and 10-12 are hours.
NUMERIC = re.compile(
    r"(?<![./\d])(?:(?<!\d[-–])|(?<=/\d[-–])"
    r"|(?<=/\d\d[-–]))(?:\d{1,2}\.?\s?[-–]\s?)?(\d{1,2})([./-])(\d{1,2})"
    r"(?:\2(20\d\d|\d\d)(?![\d-])|(?<=\.\d)\.(?!\d)|(?<=\.\d\d)\.(?!\d)"
    r"|(?<=/\d)(?![\d/]|\.\d)|(?<=/\d\d)(?![\d/]|\.\d))"
)
MONTH_ALONE = re.compile(
    r"\b(?P<part>in|by|from|around|until|till|since|im|ab|bis|anfang|mitte|ende|en|des|debut|mi"
    r"|fine?|d'ici"
    r"|jusqu'en|hasta|para|principios\s+de|mediados\s+de|finales\s+de|a|da|fino\s+a|inizio|em|ate"
    r"|a\s+partir\s+de|vanaf|tot|begin|eind|half|meados\s+de|meta|early|mid|late|end\s+of"
    r"|start\s+of|beginning\s+of)"
    rf"[\s-]+{MONTH}{YEAR}"
)
QUARTERS = {
    word: number
    for number, words in enumerate(
        (
            "first ersten premier primer primo primeiro eerste",
            "second zweiten deuxieme segundo secondo tweede",
            "third dritten troisieme tercer terzo terceiro derde",
            "fourth vierten quatrieme cuarto quarto vierde",
        ),
        start=1,
    )
    for word in words.split()
}
QUARTER = re.compile(
    r"\b(?:q(?P<quarter>[1-4])|(?P<other>[1-4])\.?(?:er|e|o)?\s?(?:quartal|trimestre|kwartaal)"
    rf"|(?P<named>{'|'.join(QUARTERS)})\s+(?:quarter|quartal|trimestre|kwartaal))\b"
)
HALF = re.compile(
    r"\b(?:h2|(?:second|other)\s+half|zweites?\s+halbjahr|zweiten\s+halbjahr|segundo\s+semestre"
    r"|deuxieme\s+semestre|second\s+semestre|secondo\s+semestre|tweede\s+helft)\b"
)
SEASONS = {
    3: r"(?:in\s+(?:the\s+)?)?spring|fruhjahr|fruhling|printemps|primavera|voorjaar|lente",
    9: r"(?:after|nach)\s+(?:the\s+|dem\s+|der\s+)?(?:summer|sommer)\w*|fall|autumn|herbst"
    r"|rentree|automne|despues\s+del\s+verano|otono|dopo\s+l'estate|autunno|apres\s+l'ete"
    r"|(?:depois|apos)\s+(?:do\s+|o\s+)?verao|na\s+de\s+zomer|herfst|najaar",
    1: r"new\s+year|neuen?\s+jahr|nouvel\s+an|ano\s+nuevo|anno\s+nuovo|nuovo\s+anno|ano\s+novo"
    r"|nieuwe?\s+jaar|after\s+(?:the\s+holidays|christmas)|nach\s+weihnachten|apres\s+les\s+fetes"
    r"|rentree\s+de\s+janvier|despues\s+de\s+(?:las\s+)?navidad\w*|dopo\s+(?:le\s+)?(?:feste"
    r"|natale)"
    r"|(?:depois|apos)\s+(?:do\s+|o\s+)?natal|na\s+(?:de\s+)?(?:feestdagen|kerst)",
}
SEASON = {month: re.compile(rf"\b(?:{words})\b") for month, words in SEASONS.items()}
WEEK = re.compile(r"\b(?:kw|kalenderwoche|week|semaine|semana|settimana)\s?(?P<week>[1-5]?\d)\b")
SPAN = re.compile(
    r"\b(?:in|dans|en|dentro\s+de|tra|fra|em|daqui\s+a|over|after|nach|apres)\s+(?:about\s+|a\s+)?"
    rf"(?P<count>\d{{1,2}}|{'|'.join(NUMBERS)})\s+(?:of\s+)?"
    r"(?P<unit>days?|weeks?|months?|tag(?:en)?|wochen?|monat(?:en)?|jours?|semaines?|mois|dias?"
    r"|semanas?|mes(?:es)?|giorn[oi]|settiman[ae]|mes[ei]|dag(?:en)?|weken|maand(?:en)?)\b"
)
NEXT = re.compile(
    r"\b(?:(?:next|nachste[nrsm]?|naechste[nrsm]?|kommende[nrsm]?|proxim[oa]|prossim[oa]|volgende?"
    r"|volgend|komende)\s+(?P<unit>week|woche|semana|settimana|month|monat|mes|mese|maand|quarter"
    r"|quartal|trimestre|kwartaal|year|jahr|ano|anno|jaar)"
    r"|(?P<after>semaine|mois|trimestre|annee|an|mes|ano|semana)\s+(?:prochaine?|que\s+(?:viene"
    r"|vem)))"
)
WEEKDAY = re.compile(rf"\b(?P<weekday>{'|'.join(WEEKDAYS)})\b")
DAY_ALONE = re.compile(
    r"\b(?:until|till|through|back\s+on|return\w*\s+on|bis\s+zum|ab\s+dem|jusqu'au|retour\s+le"
    r"|hasta\s+el"
    r"|fino\s+al|ate(?:\s+o)?\s+dia|tot(?:\s+en\s+met)?)\s+(?:the\s+|de\s+)?"
    r"(?P<day>\d{1,2})(?:st|nd|rd|th|e|\.)?(?=[\s,;.!)]*(?:$|[\n(!;,.]|\.\s|(?:and|und|et|y|e|en"
    r"|with|mit|inclu)))"
)
TOMORROW = re.compile(
    r"\b(?:tomorrow|demain|domani|amanha|a\s+partir\s+de\s+manana|ab\s+morgen"
    r"|(?<!guten )(?<!heute )morgen\s+(?:wieder|zuruck|terug|weer))\b"
)
# A full stop behind a word; those of a date and of a short month are none.
SENTENCE_END = re.compile(r"[!?;\n]|(?<=[a-z]{4})\.(?=\s|$)")
RETURN = re.compile(
    r"\b(?:until|till?|through|thru|back|return\w*|again|reopen\w*|resum\w*|bis|zuruck|zurueck"
    r"|wieder|ab|retour|jusqu|revien\w*|reprend\w*|rouvr\w*|au|hasta|regres\w*|vuelv\w*|volver\w*"
    r"|reincorpor\w*|partir|al|fino|rientr\w*|torn\w*|riapr\w*|ate|retorn\w*|regresso|volt\w*"
    r"|reabr\w*|tot|t/m|terug|weer|vanaf|available|disponi\w*|erreichbar|bereikbaar)\b"
)
