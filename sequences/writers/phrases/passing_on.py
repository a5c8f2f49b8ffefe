"""Naming somebody else."""

from sequences.writers.phrases.wording import any_of

REFERRAL = any_of(
    r"\b(?:talk|speak|write|reach out) to \w+ ?,? ?[<(]?[\w.+-]+@[\w-]+\.\w+",
    r"\b(?:one|person|people|guy|lady) to (?:speak|talk|contact|reach|ask|write)\b|\bi(?:'ve"
    r"| have)? left \w+",
    r"\b(?:please|should|could|can|best|better|kindly|suggest you|ask you to|directly) (?:\w+ )?"
    r"(?:contact|reach out to|speak to|speak with|talk to|talk with|write to|get in touch with) "
    r"(?!me\b|us\b|you|this|that|again|back|in\b|next|after|before|later|about|for\b|when|if\b"
    r"|the\b|a\b|on\b)\w+",
    r"\b(?:took over|taking over|has taken over|moved to (?:another|a different|a new)"
    r"|changed (?:jobs|roles|teams))\b",
    r"\b(?:wrong|right|best|correct|better|proper|appropriate) (?:person|contact|one to"
    r"|point of contact|address)\b",
    r"\b(?:contact|reach out to|talk to|talk with|speak to|speak with|e-?mail|get in touch with"
    r"|write to"
    r"|ask|connect with|try|loop in|ping) (?:with )?(?:my|our|the|his|her) "
    r"(?:\w+ ){0,2}(?:colleague|boss|manager|cto|ceo|cmo|cfo|coo|head|team|director|partner"
    r"|lead|vp"
    r"|department|assistant|founder|office|person)\b",
    r"\b(?:contact|reach out to|talk to|speak to|speak with|e-?mail|write to|ask|connect with"
    r"|try|cc) "
    r"(?:\w+ ){0,3}(?:at |on |via |- |\()?[<(]?[\w.+-]+@[\w-]+\.\w+",
    r"\b(?:speak|talk|reach out|write|get in touch) (?:to|with) (?:him|her|them)\b",
    r"\b(?:forward(?:ed|ing)|pass(?:ed|ing)|loop(?:ed|ing)|cc'?d|cc'?ing|copied|copying|adding"
    r"|looped)"
    r"(?: \w+){0,5} (?:to|in|on|colleague|team|here|cc)\b",
    r"\bcc'?(?:ing|ed|d)\b",
    r"\b(?:colleague|boss|manager|team|she|he|they|who|partner|that's|that is) (?:\w+ ){0,2}"
    r"(?:handles?|looks? after|takes? care of|is responsible|is in charge|deals? with|runs"
    r"|decides?)\b",
    r"\b(?:introduce|intro) you to\b",
    r"\bnot (?:my|our) (?:area|department|responsibility|job|remit|team)\b",
    r"\b(?:richtige\w?|falsche\w?) (?:ansprechpartner\w*|person|adresse|kontakt)\b",
    r"\b(?:wenden sie sich|wende dich|kontaktieren sie|sprechen sie|schreiben sie) (?:\w+ ){0,3}"
    r"(?:an|mein\w*|unser\w*|herrn?|frau|mit|kolleg\w+)\b",
    r"\b(?:zustandig|zustaendig|verantwortlich)\b",
    r"\b(?:weitergeleitet|leite (?:\w+ ){0,4}weiter)\b|\bkolleg(?:e|en|in)\b",
    r"\b(?:bonne|mauvaise) (?:personne|adresse)\b|\bbon (?:interlocuteur|contact)\b",
    r"\b(?:contacte[rz]|voi[rt]|ecrire a|adresse[rz]-vous|vous adresser) (?:plutot )?(?:mon|ma"
    r"|notre|a|au)\b",
    r"\b(?:transfere|transfer[ez]|transmis|transmets|fais suivre)\b|\bcollegue\b|\b(?:s'occupe"
    r"|en charge) (?:de|du)\b",
    r"\bpersona (?:adecuada|indicada|correcta|encargada|equivocada)\b|\b(?:companer[oa]"
    r"|colega)\b",
    r"\b(?:contact\w+|habl\w+|escrib\w+) (?:con|a) (?:mi|nuestr\w+|el|la|quien)\b|\breenvi\w+"
    r"|\bse encarga\b"
    r"|\bencargad[oa]\b",
    r"\bpersona (?:giusta|sbagliata|corretta)\b|\bcollega\b|\binoltr(?:o|ato|are)\b"
    r"|\bsi occupa\b|\breferente\b",
    r"\bpessoa (?:certa|errada|indicada|correta|responsavel)\b|\bfal(?:e|ar) com (?:o|a|meu"
    r"|minha)\b"
    r"|\bencaminh\w+",
    r"\b(?:juiste|verkeerde) (?:persoon|contactpersoon)\b|\b(?:doorgestuurd"
    r"|stuur (?:\w+ ){0,4}door)\b"
    r"|\bverantwoordelijk\b|\bcontact op(?:nemen)? met (?!mij|me\b|ons\b)\w+\b",
    r"\bbetter off (?:talking|speaking|writing|reaching out|contacting|asking|with)\b"
    r"|\bnot (?:me|mine|my call|my decision)\b",
    r"\b(?:loop|looping|looped|adding|added|copying|cc'?ing|cc) (?:in )?@?\w+\b.{0,40}\b(?:who"
    r"|he|she|they|cc|here|in)\b",
    r"\b(?:who|she|he|they) (?:owns|runs|leads|heads|manages|handles|oversees) (?:this|that|it"
    r"|these|our)\b",
    r"\b(?:i've|i have|have|just) (?:\w+ )?(?:forwarded|passed|shared|sent) (?:this|it|your"
    r"|that)\b.{0,40}\bto\b",
    r"\b(?:speak|talk|write|reach out|get in touch|connect|check) (?:to|with) (?!me\b|us\b|you\b"
    r"|our customers)\w+ (?:\w+ )?(?:in|from|at|about|instead|on this|directly)\b|\bour (?:head"
    r"|director|vp|cto|ceo|cfo|cmo|coo|manager|lead|buyer) (?:of|for|,|is)\b",
    r"\bno longer (?:work|working|in|responsible|handle|handling|the)\b.{0,40}(?:department|role"
    r"|team|position|this|that|contact)",
    r"\b(?:wenden sie sich|kontaktieren sie|sprechen sie|schreiben sie"
    r"|melden sie sich) (?:\w+ ){0,3}(?:an|bei|mit) (?!mir|uns)\w+"
    r"|\bansprechpartner(?:in)? (?:ist|sind|dafur|fur)\b|\bleite (?:ich )?(?:\w+ ){0,4}weiter\b",
    r"\b(?:voyez|voir|contactez|adressez-vous|rapprochez-vous|ecrivez|parlez) (?:\w+ )?(?:avec|a"
    r"|de|directement|plutot|mon|ma|notre) \w+|\b(?:c'est|ce sera) (?:\w+ ){0,3}qui (?:s'occupe"
    r"|gere|decide)\b|\b(?:j'ai|je) (?:\w+ )?(?:transfere|transmis|transmets|fait suivre"
    r"|redirige)\b",
    r"\b(?:contact\w+|habl\w+|escrib\w+|dirij\w+) (?:\w+ )?(?:con|a) (?!usted|ustedes|nosotros"
    r"|mi\b)\w+|\ble (?:he )?(?:reenvi|pas|traslad)\w+\b|\bquien (?:lleva|se encarga|decide"
    r"|gestiona)\b",
    r"\b(?:puo|puoi|potete|puoi|deve) (?:\w+ )?(?:scrivere|contattare|rivolgersi|sentire"
    r"|parlare)\b|\bnon me ne occupo\b|\bho (?:inoltrato|girato|passato)\b|\bsi rivolga\b"
    r"|\bcontatti (?:il|la|i)\b",
    r"\bfal\w+ com (?:o|a|os|as)? ?\w+|\bnao sou (?:eu|a pessoa)\b|\b(?:encaminhei|reencaminhei"
    r"|repassei|passei)\b|\bquem (?:trata|cuida|decide)\b|\bcontact\w+ (?:o|a) (?!mim)\w+",
    r"\b(?:beter|kunt|kan) (?:\w+ ){0,5}(?:mailen|bellen|contacteren|benaderen)\b"
    r"|\bga ik niet over\b|\bdoorgestuurd\b|\bdoorsturen\b|\b(?:mijn|onze) collega\b"
    r"|\bneem contact op met (?!mij|ons)\w+",
)
