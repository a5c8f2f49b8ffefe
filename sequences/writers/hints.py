"""Words that only hint at what a reply means, for those that no wording of `phrases` tells.

They match folded clauses. Each hint has a weight; what collects most of them is taken, in doubt
nothing. Seven languages stand side by side, since many stems are the same in several of them.
"""

import re
from collections import Counter

from sequences.writers.labels import Kind

ENOUGH = 2
NOT = r"(?:not|no|never|n't|cannot|nicht|kein\w*|nie|pas|ne|n'|plus|non|nao|nunca|niet|geen)"

NEGATED = re.compile(rf"\b{NOT}\b|n't\b")


def _hint(weight: int, *stems: str) -> tuple[int, re.Pattern[str]]:
    return weight, re.compile("|".join(rf"(?:\b{stem})" for stem in stems))


HINTS: dict[Kind, list[tuple[int, re.Pattern[str]]]] = {
    "not_interested": [
        _hint(
            2,
            rf"{NOT}\b.{{0,40}}\b(?:further|apply|applies|concern\w*|concerne|verwendung"
            rf"|verwenden|angeht|mee\b|taking this"
            r"|for us|pour nous|fur uns|para nosotros|per noi|para nos|voor ons|mas correos"
            r"|suite|going ahead)",
            r"(?:hier )?doen (?:wij|we) niets mee",
            r"(?:sorry|leider|desole\w*|lo siento|mi dispiace|lamento|helaas)\W{1,3}(?:no|nein"
            r"|non|nao|nee)\b",
            r"(?:no|non|nao|nee|nein)\W{1,3}(?:\w+ )?(?:gracias|merci|grazie|obrigad[oa]|dank\w*"
            r"|danke|bedankt|thank\w*)\b",
        ),
        _hint(
            2,
            r"(?:we|i|wir|nous) (?:have |haben |avons )?(?:\w+ ){0,4}?decided (?:not|against)",
            r"dagegen (?:entschieden|ausgesprochen)",
            r"descart\w+",
            r"declin\w+",
            r"scartat\w+",
            r"no,? (?:but )?thank",
            r"(?:keinen|aucune?|ningun\w*|nessun\w*|nenhum\w*) (?:\w+ )?(?:bedarf|interet|besoin"
            r"|interes\w*|necesidad|bisogno|necessidade)",
            r"geen (?:meerwaarde|toegevoegde waarde|noodzaak|belangstelling)",
            r"(?:bonne|good|viel|buena|buona|boa|veel) (?:continuation|luck|erfolg|suerte"
            r"|fortuna|sorte|succes)",
            r"best of luck",
            r"only (?:work|deal|buy|partner)\b",
            r"enough\W*$",
            r"(?:not|isn't|nicht) (?:a |the )?(?:right )?(?:fit|match|passend)",
        ),
        _hint(
            2,
            rf"{NOT}\b.{{0,40}}\b(?:fit|match|interes\w*|interet|interess\w*|belangstelling"
            rf"|relevant\w*|pertinent\w*|suitable|need\w*"
            r"|benotig\w*|brauch\w*|bedarf|besoins?|necesit\w*|necesidad\w*|bisogno|precis\w*"
            r"|nodig|looking for|seeking|pursue"
            r"|proceed|move forward|weiterverfolg\w*|suche\w*|busca\w*|cerc\w*|procur\w*|zoek\w*"
            r"|correspond\w*|passt|passend"
            r"|convien\w*|encaj\w*|adatt\w*|adequ\w*|geschikt|meerwaarde|mehrwert|value for us"
            r"|buy\w*|purchase)",
            r"(?:don't|doesn't|didn't|won't|wouldn't|can't|isn't|aren't) .{0,30}\b(?:fit|match"
            r"|interest\w*|relevant|suitable"
            r"|need|looking|pursue|proceed|move forward|buy|see (?:the|any) (?:value|need))",
        ),
    ],
    "objection": [
        _hint(
            2,
            r"(?:trust|vertrau\w*|confiance|confian\w+|fiducia|vertrouw\w*)\b",
            r"(?:lacks?|lacking|missing|fehlt|manque|falta|manca|ontbreekt|no-go|deal-?breaker)\b",
            r"(?:twice|double|doppelt|das doppelte|le double|el doble|il doppio|o dobro|dubbel)\b",
            r"(?:afford|leisten|permettre|permitir(?:nos)?|permetterci|veroorloven)\b",
            r"(?:contract|vertrag|contrat|contrato|contratto)\b",
            r"(?:renewed|verlangert|renouvele|renovado|rinnovato|vernieuwd|engages avec)\b",
            r"(?:allow\w*|zulass\w*|lasst .{0,40} zu|autoris\w*|permit\w*|forbid\w*|verbiet\w*)\b",
            r"(?:convinc\w*|convenc\w*|uberzeug\w*|convainc\w*|overtuig\w*)",
            r"data breach|datenpanne",
        ),
        _hint(
            1,
            r"(?:prices?|pricing|preise?|precios?|prix|prezz\w|precos?|prijs|prijzen|cost"
            r"|kosten)\b",
        ),
        _hint(
            2,
            r"(?:competitor|konkurren\w+|concurren\w+|competencia|competidor\w*|concorren\w+)",
            r"(?:supplier|vendor|provider|agency|anbieter|dienstleister|agentur|lieferant\w*"
            r"|fournisseur|prestataire|agence"
            r"|proveedor\w*|agencia|fornitor\w*|agenzia|fornecedor\w*|agencia|leverancier"
            r"|aanbieder|bureau)",
            r"(?:security|legal|privacy|compliance|procurement|it) (?:review|team|department"
            r"|concerns?|policy|requirements?)",
            r"(?:burned|burnt|wary|hesitant|worried|concerned|sceptical|skeptical|unconvinced"
            r"|doubt\w*|risk\w*)",
            r"(?:skeptisch|bedenken|zweifel\w*|sceptique|reticent\w*|mefian\w*|dud\w+"
            r"|esceptic\w*|scettic\w*|perples\w*|cetic\w*|sceptisch|twijfel\w*)",
            r"(?:kompliziert|komplex|aufwendig|aufwandig|complique\w*|complexe|complicad\w*"
            r"|complej\w*|complicat\w*|compless\w*|complex\w*|ingewikkeld)",
            r"(?:expensive|pricey|costly|teuer|cher|chere|caro|cara|costos\w+|duur)\b",
            r"(?:budget|budgets|presupuesto|orcamento|verba)\b",
            r"(?:ourselves|in-?house|intern|interne|internamente|hausintern|eigenes? team|zelf"
            r"|selbst|nous-memes|nosotros mismos|noi stessi)\b",
            r"(?:already|bereits|schon|deja|ya|gia|ja|al) .{0,40}\b(?:have|use|with|haben|nutzen"
            r"|avons|utilis\w+|tenemos|usamos|disponemos"
            r"|abbiamo|usiamo|temos|hebben|gebruiken|tool|system\w*|solution\w*|losung\w*"
            r"|herramienta|strumento|ferramenta|oplossing)",
            r"(?:have|use|using|haben|nutzen|avons|tenemos|abbiamo|temos"
            r"|hebben) .{0,30}\b(?:already|bereits|schon|deja|similar|ahnlich\w*|similaire\w*)",
            r"(?:happy|satisfied|content|zufrieden|satisfaits?|content\w*|satisfech\w*"
            r"|soddisfatt\w*|satisfeit\w*|tevreden|blij) (?:\w+ )?(?:with|mit|de|du|con|com"
            r"|met)\b",
            r"(?:half|better|cheaper|lower) (?:the )?price",
            r"(?:cheaper|gunstiger|moins cher|mas barat\w*|piu economic\w*|mais barat\w*"
            r"|goedkoper)",
            r"gut aufgestellt",
            r"(?:jahrelang|seit jahren|for years|depuis des annees|desde hace anos|da anni"
            r"|ha anos|al jaren)",
        ),
        _hint(
            2,
            r"(?:price|pricing|cost|fee|rate|preis\w*|kosten|tarif\w*|prix|precio\w*|prezz\w*"
            r"|preco\w*|prijs|prijzen)\b.{0,40}"
            r"\b(?:high|steep|much|hoch|eleve\w*|haut\w*|alt[oa]s?|elevad\w*|hoog|zu|trop|too)",
        ),
        _hint(2, r"(?:affid\w+|rely|rivolg\w+) .{0,20}\b(?:altr\w+|another|other)"),
    ],
    "referral": [
        # In a sentence, not in a signature.
        _hint(3, r"(?:[^\s@]{1,30}[ ]+){3,}[(<]?[\w.+-]{1,60}@[\w-]+\.\w+"),
        _hint(
            1,
            r"(?:mr|mrs|ms|dr|herr|frau|mme|monsieur|madame|sr|sra|senor|senora|dott|sig|dhr"
            r"|mevr|mevrouw)"
            r"\.? \w+",
        ),
        _hint(
            1,
            r"(?:directeur|directrice|director|direktor\w*|direttor\w+|diretor\w*|head of|leiter\w*"
            r"|chef|jefe|manager)\b",
        ),
        _hint(
            2,
            r"(?:handled|managed|run|led|owned|looked after) by\b",
            r"(?:in charge|responsible|zustandig\w*|verantwortlich\w*|responsable|encargad\w+"
            r"|responsabile|responsavel|verantwoordelijk\w*)\b",
            r"(?:persona di riferimento|person in charge|point of contact|contactpersoon"
            r"|ansprechpartner\w*|interlocut\w+)",
            r"(?:department|abteilung|service|departamento|reparto|ufficio"
            r"|afdeling) (?:\w+ )?(?:is|handles|ist|s'occupe|se encarga|si occupa|trata|gaat)",
            r"(?:wrong|another|other|different|falsche|andere|autre|otro|otra|altro|altra|outro"
            r"|outra|verkeerde|andere) (?:person|department|team|contact|abteilung|person"
            r"|personne|service|departamento|persona|reparto|pessoa|departamento|afdeling"
            r"|persoon)",
            r"(?:colleague|kolleg\w+|collegue|colega|companer\w+|collega)\b",
            r"(?:you can|can) reach (?:him|her|them)",
            r"(?:took|taken|take|taking) over\b",
            r"moet je bij\b|\bmust ask\b|\bbest (?:ask|contact)\b",
        ),
    ],
    "not_now": [
        _hint(
            1,
            r"(?:january|february|march|april|may|june|july|august|september|october|november"
            r"|december)\b",
            r"(?:januar|februar|marz|mai|juni|juli|oktober|dezember|janvier|fevrier|mars|avril"
            r"|juin|juillet|aout|septembre|octobre|decembre)\b",
            r"(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre"
            r"|diciembre)\b",
            r"(?:gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|novembre"
            r"|dicembre)\b",
            r"(?:janeiro|fevereiro|marco|maio|junho|julho|setembro|outubro|dezembro|januari"
            r"|februari|maart|mei|augustus)\b",
            r"(?:spring|summer|autumn|winter|fruhjahr|sommer|herbst|printemps|ete|automne|hiver"
            r"|primavera|verano|otono|invierno|estate|autunno|inverno|verao|outono|voorjaar"
            r"|zomer|najaar)\b",
            r"(?:next|nachste\w*|kommende\w*|prochaine?|proxim\w+|prossim\w+|volgend\w*) (?:year"
            r"|quarter|month|jahr\w*|quartal|monat\w*|an|annee|mois|trimestre|ano|mes|anno|mese"
            r"|jaar|kwartaal|maand)",
            r"(?:fiscal|financial) year",
            r"20[2-4]\d\b",
            r"(?:q[1-4]|quartal|trimestre|kwartaal)\b",
        ),
        _hint(
            2,
            r"(?:swamped|busy|slammed|overloaded|overwhelmed|buried|debord\w+|(?:sehr|stark"
            r"|zu) beschaftigt|ausgelastet|uberlastet|ocupad\w+|impegnat\w+|druk)\b",
            r"(?:freeze|frozen|on hold|until|not before|later|spater|plus tard|mas tarde"
            r"|mas adelante|piu tardi|piu avanti|mais tarde|later)\b",
            r"(?:drop me|relanc\w+|recontact\w+|rappel\w+|ricontatt\w+|volt\w+ a|vuelv\w+ a"
            r"|come back|circle back|reach out|check in|touch base|kommen sie|noch einmal"
            r"|nochmal|nog eens|opnieuw|erneut|wieder)\b",
            r"(?:scriva|chiami|bel|mail|contact\w*|escrib\w+|llam\w+|hablemos"
            r"|meld\w*) .{0,30}\b(?:in|a|en|over|nach|na|despues|dopo|depois|im|after)\b",
            r"(?:at the moment|right now|currently|zurzeit|momentan|derzeit|aktuell|gerade"
            r"|en ce moment|actuellement|de momento|ahora|in questo periodo|al momento"
            r"|neste momento|momenteel|op dit moment|midden in|en plena|in the middle)\b",
            r"(?:try|ask) (?:me |us )?again\b",
            r"(?:verschoben|reporte\w*|aplazad\w*|rimandat\w*|adiad\w*|uitgesteld|postponed"
            r"|delayed|paused?|on pause)\b",
            r"(?:reprenons|reparlons|riparl\w+|risent\w+|retom\w+|falamos novamente|volvemos a)",
            r"(?:in|dans|en|tra|fra|em|over) (?:\w+ ){0,2}(?:months?|monaten?|mois|meses|mesi"
            r"|maanden)\b",
        ),
    ],
    "interested": [
        _hint(
            2,
            r"(?:demo|demonstration|vorfuhrung|presentation|presentacion|presentazione"
            r"|apresentacao|prasentation|walk (?:me|us) through|show (?:me|us))\b",
            r"(?:quote|proposal|angebot|devis|propuesta|presupuesto detallado|cotizacion"
            r"|preventivo|proposta|offerte)\b",
            r"(?:ravi\w*|encantad\w+|felice|volentieri|piacere|gern\w*|graag|glad|pleased|happy"
            r"|love|delighted|keen|eager|excited|gostava|gostaria|gustaria|vorrei|gostei)\b",
            r"(?:libre|dispo\w*|available|verfugbar|beschikbaar|frei|livre|liber\w)\b",
            r"(?:meeting|call|telefonat|gesprach|termin|rdv|rendez-vous|reunion|reuniao|riunione"
            r"|incontro|llamada|chiamata|afspraak|gesprek)\b",
            r"(?:book|sign|count) me (?:in|up)",
            r"(?:caught my|got my) (?:eye|attention)",
            r"(?:send|schick\w*|send\w*|envoy\w+|envi\w+|mand\w+|invi\w+"
            r"|stuur) .{0,25}\b(?:details?|infos?|informat\w*|informac\w*|deck|unterlagen"
            r"|material\w*|link|angebot)",
            r"(?:timing|zeitpunkt) (?:couldn't|could not) be better",
            r"(?:evaluat\w+|shortlist\w*|in the market|comparing)\b",
            r"trifft .{0,30}nerv",
            r"(?:could|can|would|will) you (?:\w+ ){0,3}(?:give|send|call|ring|set up|arrange"
            r"|share|show|tell|schedule"
            r"|provide|prepare|forward|drop|email)\b",
            r"(?:konnen|konnten|wurden) sie (?:\w+ ){0,6}(?:einrichten|zusenden|schicken|senden"
            r"|anrufen|erstellen|zeigen"
            r"|erzahlen|vorstellen|unterbreiten|machen|ubersenden)\b",
            r"(?:pouvez|pourriez)-vous (?:\w+ ){0,4}(?:plus|appeler|envoyer|montrer|presenter"
            r"|preparer|adresser)\b",
            r"(?:puede|podria|pode|poderia|puo|potrebbe|kunt u|kun je) (?:\w+ ){0,4}(?:llamar\w*"
            r"|enviar\w*|mandar\w*"
            r"|mostrar\w*|ligar\w*|inviar\w*|chiamar\w*|sturen|bellen|laten zien)\b",
            r"d'accord pour\b|lassen sie uns (?:\w+ ){0,4}(?:telefonieren|sprechen|reden"
            r"|treffen)|entiendo que podemos",
            r"(?:nous cherchons|on cherche|wir suchen|estamos buscando|stiamo cercando|cerchiamo"
            r"|procuramos|we zoeken|we're looking for|we are looking for)\b",
            r"(?:give|gib|geben sie) (?:me|mir|us|uns) (?:a|einen) (?:ring|call|anruf)",
            r"(?:pilot|trial account|testzugang|prova gratuita|periodo de prueba)\b",
            r"(?:when|wann|quand|cuando|quando|wanneer) (?:can|could|konnen|konnten|pouvons"
            r"|podemos|podriamos|possiamo|podemos|kunnen) (?:we|you|wir|sie|nous|vous)?",
        ),
        _hint(
            1,
            r"(?:monday|tuesday|wednesday|thursday|friday|tomorrow|montag|dienstag|mittwoch"
            r"|donnerstag|freitag|morgen)\b",
            r"(?:lundi|mardi|mercredi|jeudi|vendredi|demain|lunes|martes|miercoles|jueves"
            r"|viernes|manana)\b",
            r"(?:lunedi|martedi|mercoledi|giovedi|venerdi|domani|segunda|terca|quarta|quinta"
            r"|sexta|amanha)\b",
            r"(?:maandag|dinsdag|woensdag|donderdag|vrijdag)\b",
            r"(?:next|nachste|prochaine|proxima|prossima|volgende) (?:week|woche|semaine|semana"
            r"|settimana)",
            r"(?:saber mas|saber mais|mehr erfahren|en savoir plus|saperne di piu|approfondire"
            r"|meer weten|learn more|know more|find out)",
            r"(?:great|perfect|excellent|super|toll|genial|parfait|perfecto|ottimo|perfetto"
            r"|otimo|perfeito|prima|uitstekend)\b",
        ),
    ],
}


def guess(clauses: list[str]) -> tuple[Kind | None, str]:
    """Return the label that most words hint at, and one of those words; None in doubt.

    >>> guess(["could you send me a quote for 20 users"])[0]
    'interested'
    >>> guess(["hello"])
    (None, '')
    """
    scores: Counter[Kind] = Counter()
    words: dict[Kind, str] = {}
    for kind, hints in HINTS.items():
        for weight, pattern in hints:
            for clause in clauses:
                if kind == "interested" and NEGATED.search(clause) and "?" not in clause:
                    continue
                if found := pattern.search(clause):
                    scores[kind] += weight
                    words.setdefault(kind, found[0])
    ranked = scores.most_common(2)
    if not ranked or ranked[0][1] < ENOUGH:
        return None, ""
    return ranked[0][0], words[ranked[0][0]]
