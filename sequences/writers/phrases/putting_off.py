"""Asking to come back later."""

from sequences.writers.phrases.wording import any_of

FAR = (
    r"(?:next (?:quarter|year|month)|later (?:this|in the) (?:year|month|quarter)"
    r"|in (?:\w+ ){1,2}months?"
    r"|(?:in|after|until|around|by|early|late|mid) (?:january|february|march|april|may|june"
    r"|july|august"
    r"|september|october|november|december)|\bq[1-4]\b|new year|after (?:the )?(?:summer"
    r"|holidays|christmas"
    r"|easter|budget)|in the (?:new year|future|spring|summer|autumn|fall|winter)"
    r"|nachste\w* (?:quartal|jahr|monat)|(?:im|ab) (?:januar|februar|marz|april|mai|juni|juli"
    r"|august|september"
    r"|oktober|november|dezember|fruhjahr|sommer|herbst)|(?:in|dans|en|tra|fra|em"
    r"|over) \w+ (?:monaten|mois"
    r"|meses|mesi|maanden)|(?:trimestre|annee|mois) prochaine?|en (?:janvier|fevrier|mars|avril"
    r"|mai|juin|juillet"
    r"|septembre|octobre|novembre|decembre)|proxim[oa] (?:trimestre|ano|mes)|(?:en|em) (?:enero"
    r"|febrero|marzo"
    r"|abril|mayo|junio|julio|septiembre|octubre|janeiro|fevereiro|marco|maio|junho|julho"
    r"|setembro|outubro)"
    r"|prossimo (?:trimestre|anno|mese)|a (?:gennaio|febbraio|marzo|aprile|maggio|giugno"
    r"|settembre|ottobre)"
    r"|(?:after|nach|apres|despues|dopo|depois|na) (?:the |dem |der |del? |do |d'|l'"
    r"|de )?(?:summer|sommer"
    r"|ete|verano|estate|verao|zomer|vacances|vacaciones|ferien|ferie|ferias|vakantie)"
    r"|over een (?:week|maand|kwartaal|jaar)|dans un (?:mois|an)|in einem (?:monat|jahr)"
    r"|volgend (?:kwartaal|jaar)|volgende maand|in (?:januari|februari|maart|mei|juni|juli"
    r"|augustus"
    r"|september|oktober))"
)

NOT_NOW = any_of(
    rf"\b(?:vielleicht|peut-etre|quizas?|tal vez|forse|talvez|misschien|maybe"
    rf"|perhaps)\b.{{0,30}}{FAR}",
    rf"\b(?:reconsider|re-?evaluate|reassess|rethink|not (?:before|until)"
    rf"|wait until)\b.{{0,30}}{FAR}",
    rf"\bnot (?:before|until) {FAR}",
    r"(?:\b(?:not|no|isn't|aren't|don't|can't|cannot|won't)\b|n't\b).{0,40}\b(?:right now"
    r"|at the moment|at this"
    r" (?:time|point|stage)|just now|for now|this (?:quarter|year|month)|currently|yet)\b",
    r"\bnot (?:right )?now\b|\bmaybe later\b|\bsome other time\b|\bbad tim(?:e|ing)\b",
    r"\btiming (?:isn't|is not|is off|is bad|doesn't|is wrong)|\bnot (?:the|a) (?:right|good"
    r"|best) (?:time|moment)\b",
    r"\b(?:reach (?:back )?out|circle back|check (?:back|in)|get back|come back|follow up"
    r"|touch base|ping|contact"
    r"|try|ask|write|e-?mail|reconnect|revisit|talk|speak|discuss|look at (?:this|it)"
    r"|pick (?:this|it) up)\b"
    rf".{{0,40}}{FAR}",
    rf"{FAR}.{{0,40}}\b(?:reach out|circle back|check back|get back|come back|follow up"
    rf"|touch base|ping me|contact"
    r" me|try (?:me )?again|reconnect|revisit|would be better|is better|makes more sense)\b",
    r"\b(?:too busy|swamped|busy right now|on hold|not a priority|hands are full|budget freeze"
    r"|hiring freeze)\b",
    r"\bmaybe (?:next|in|later)\b|\bperhaps (?:next|in|later)\b",
    r"\b(?:try|ask|contact|write|e-?mail|ping) (?:me |us )?(?:again )?(?:later"
    r"|in a few (?:weeks|months))\b",
    r"\b(?:derzeit|momentan|aktuell|zurzeit|im moment|gerade|jetzt) (?:\w+ ){0,5}(?:nicht"
    r"|kein\w*)\b",
    r"\b(?:nicht|kein\w*) (?:\w+ ){0,3}(?:zeitpunkt|derzeit|momentan|aktuell|im moment"
    r"|zurzeit)\b",
    rf"\b(?:melden|kommen|fragen|schreiben|sprechen|meld)\b.{{0,40}}(?:{FAR}|spater)",
    rf"{FAR}.{{0,30}}\b(?:noch ?mal|wieder|erneut|nochmals)\b",
    r"\bpas (?:\w+ ){0,3}(?:pour le moment|pour l'instant|maintenant|actuellement"
    r"|le bon moment)\b",
    r"\b(?:pour le moment|pour l'instant|actuellement).{0,30}\bpas\b",
    rf"\b(?:recontacte\w*|revenez|reparl\w+|rappele\w*|relance\w*)\b.{{0,40}}(?:{FAR}|plus tard"
    rf"|prochaine?)",
    r"\b(?:ahora|por ahora|en este momento|de momento|actualmente).{0,20}\bno\b"
    r"|\bno (?:\w+ ){0,4}(?:ahora|por ahora"
    r"|en este momento|de momento|por el momento)\b",
    rf"\b(?:contact\w+|escrib\w+|habl\w+|vuelv\w+|retom\w+)\b.{{0,40}}(?:{FAR}|mas adelante"
    rf"|mas tarde)",
    r"\b(?:al momento|per ora|adesso|in questo momento).{0,20}\bnon\b"
    r"|\bnon (?:\w+ ){0,4}(?:al momento|per ora|adesso"
    r"|in questo momento)\b|\bnon e il momento\b",
    rf"\b(?:ricontatt\w+|risent\w+|riscriv\w+|risentiamoci|sentiamoci)\b.{{0,40}}(?:{FAR}"
    rf"|piu avanti|piu tardi)",
    r"\b(?:no momento|de momento|neste momento|por enquanto|por agora|agora).{0,20}\bnao\b"
    r"|\bnao (?:\w+ ){0,4}"
    r"(?:no momento|neste momento|por enquanto|agora|por agora|de momento)\b|\bagora nao\b",
    rf"\b(?:contat\w+|contact\w+|fal\w+|volt\w+|retom\w+)\b.{{0,40}}(?:{FAR}|mais tarde"
    rf"|mais para a frente)",
    r"\b(?:nu|op dit moment|momenteel|voorlopig).{0,20}\b(?:niet|geen)\b|\b(?:niet"
    r"|geen) (?:\w+ ){0,4}(?:nu"
    r"|op dit moment|momenteel)\b",
    rf"\b(?:neem|contact|kom|mail|probeer|spreek)\b.{{0,40}}(?:{FAR}|later)",
    r"\bnow is not\b|\bnot (?:\w+ )?(?:a |the )?(?:good|great|right|best|ideal) (?:time"
    r"|moment)\b|\b(?:hold off|back burner|park (?:this|it)|put (?:this|it) (?:off|on hold)"
    r"|postpone)\b",
    r"\b(?:reach out|circle back|check (?:back|in)|get back|come back|follow up|touch base|ping"
    r"|try|ask|write|pick (?:this|it) up|revisit|reconnect|talk"
    r"|speak)\b.{0,30}\b(?:in (?:\w+ ){1,2}(?:weeks?|months?)|after (?:the )?(?:summer|holidays"
    r"|break|christmas|easter|new year)|next (?:year|quarter|month|spring|fall)|later (?:on"
    r"|this year|in the year))\b",
    r"\b(?:closed|finalised|finalized|frozen|spent|used up|allocated) (?:the|our"
    r"|this year's) budget\b|\bbudget (?:for (?:this|the) year )?is (?:closed|frozen|spent"
    r"|used up|already)\b|\b(?:in the )?middle of (?:a|an|our)\b.{0,40}(?:reorg\w*|migration"
    r"|merger|restructur\w*|move|rollout|audit)",
    r"\bnot (?:this|until|before) (?:quarter|month|year|next|q[1-4]|summer|january|february"
    r"|march|april|may|june|july|august|september|october|november|december)\b"
    r"|\bonly from (?:q[1-4]|next|january|february|march|april|may|june)\b",
    r"\bkeine? (?:zeit|kapazitat\w*|ressourcen)\b|\bzu einem spateren zeitpunkt\b|\b(?:erst"
    r"|fruhestens) (?:wieder )?(?:im|ab|in|nachste\w*)\b|\bgerne? (?:wieder )?(?:im|ab"
    r"|in) (?:fruhjahr|sommer|herbst|neuen jahr|nachsten)\b|\bnicht der (?:richtige|passende"
    r"|beste) (?:zeitpunkt|moment)\b",
    r"\b(?:revenez|recontact\w+|relance\w+|reparl\w+|rappele\w+|reprene\w+)\b.{0,40}\b(?:en|dans"
    r"|apres|debut|fin|mi|a la rentree|l'annee)\b|\bpas avant\b|\bl'annee prochaine\b"
    r"|\bplus tard\b|\bpas (?:une|la|notre) priorite\b",
    r"\bmas adelante\b|\bno es (?:\w+ ){0,3}(?:prioridad|momento)\b|\b(?:quiza|quizas"
    r"|tal vez) (?:\w+ ){0,2}(?:en|el|mas|despues)\b|\b(?:contact\w+|escrib\w+|llam\w+"
    r"|habl\w+)\b.{0,30}\b(?:en|despues de|a partir de) (?:\w+ )?(?:enero|febrero|marzo|abril"
    r"|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|verano|unos meses)\b",
    r"\b(?:ci )?risent\w+\b.{0,30}\b(?:dopo|a|in|fra|tra|piu)\b|\bnon (?:e|ora"
    r"|adesso)\b.{0,15}\b(?:momento|priorita)\b|\bpiu avanti\b|\bl'anno prossimo\b"
    r"|\bricontatt\w+\b.{0,20}\b(?:a|in|dopo|fra|tra)\b",
    r"\b(?:mais tarde|mais para a frente|segundo semestre|proximo ano|ano que vem"
    r"|proximo trimestre)\b|\bnao e (?:\w+ )?(?:prioridade|o momento|um bom momento)\b"
    r"|\b(?:contact\w+|contat\w+|volt\w+|fal\w+)\b.{0,30}\b(?:em|depois"
    r"|a partir) (?:\w+ )?(?:janeiro|fevereiro|marco|abril|maio|junho|julho|agosto|setembro"
    r"|outubro|novembro|dezembro)\b",
    r"\bnu (?:even )?niet\b|\b(?:misschien|liever) (?:volgend|later|in|na)\b|\bgeen (?:tijd"
    r"|prioriteit|capaciteit)\b|\bniet het (?:juiste|goede) moment\b|\bop een later moment\b"
    r"|\bna de (?:zomer|vakantie|feestdagen)\b",
)
