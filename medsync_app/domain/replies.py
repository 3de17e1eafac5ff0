"""What a patient's reply means: digits, stop words and refusals, in English and Spanish (DOMAIN.md section 5)."""

import re
import unicodedata
from enum import StrEnum


class Meaning(StrEnum):
    CONFIRM = "confirm"
    CHANGE = "change"
    CALL = "call"
    STOP = "stop"
    START = "start"
    HELP = "help"
    #: The whole message says so, or a key in a call.
    WRONG_NUMBER = "wrong_number"
    #: "Please stop texting me", "you have the wrong number, I am not Ana": all to that number waits for a person.
    REFUSAL = "refusal"
    FREE_TEXT = "free_text"


_DIGITS = {"1": Meaning.CONFIRM, "2": Meaning.CHANGE, "3": Meaning.CALL}
STOP_WORDS = frozenset({
    "stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "alto", "parar", "cancelar", "baja",
})  # fmt: skip
START_WORDS = frozenset({"start", "unstop", "yes"})
HELP_WORDS = frozenset({"help", "info", "ayuda"})
WRONG_NUMBER_WORDS = frozenset({
    "wrongnumber", "wrongperson", "wrongphone", "wrongphonenumber", "numeroequivocado", "personaequivocada",
})  # fmt: skip
_SPANISH = frozenset({"alto", "parar", "cancelar", "baja", "ayuda"})

_REFUSAL = re.compile(
    r"""
      \b(stop|quit|cease)\s+(te?xt|call|messag|send|contact|bother|this|these|it\b|now\b|please\b)
    | \b(stop|quit|cease|end|cancel)\s+((all|of|these|your|the|any)\s+)+(te?xt|call|messag|reminder|alert)
    | \bplease\s+(stop|quit)\b(?!\s+(my|the|taking|filling)\b)
    | \b(do\s?n[o']?t|do\s+not|never)\s+
      (want\s+(these|this|any|your|te?xt|messag|call|to\s+(get|receive|be))|te?xt|call|messag|contact|send)
    | \bno\s+more\s+(te?xt|call|messag|reminder|alert) | ^no\s+(more|mas)\W*$
    | \b(take|remove)\s+me\b | \b(remove|delete)\s+my\s+number\b
    | \bleave\s+me\s+alone\b | \bunsubscribe\b | \bopt\s+(me\s+)?out\b
    | \bwrong\s+(number|person)\b | \bnot\s+me\b | \bwho\s+is\s+this\b.*\bstop\b
    | \bno\s+(me\s+)?(escriba|mande|envie|llame|moleste|contacte)
    | \bno\s+(quiero|deseo)\s+((mas|estos|sus)\s+)?(mensajes|recibir|textos|llamadas|que\s+me)
    | \bno\s+mas\s+(mensajes|textos|llamadas) | \b(deje?n?|paren?)\s+de\s+(mandar|enviar|escribir|llamar)
    | \b(paren?|cancelen?|basta)\s+(de\s+|con\s+)?((los|estos|sus)\s+)?(mensajes|textos|llamadas)
    | \bquite?n?me\b | \b(quite|borre|elimine)n?\s+mi\s+numero\b
    | \b(numero|persona)\s+equivocad[oa]\b | \bequivoco\s+de\s+(numero|persona)\b
    """,
    re.VERBOSE,
)


def meaning(text: str) -> Meaning:
    """What a reply means. Stop words count only as the whole message, in any case, with or without punctuation."""
    plain = folded(text)
    words = re.sub(r"[^a-z0-9]+", "", plain)
    if words in _DIGITS and re.fullmatch(r"\W*\d\W*", plain):
        return _DIGITS[words]
    if words in STOP_WORDS or _only_stop_words(plain):
        return Meaning.STOP
    if words in START_WORDS:
        return Meaning.START
    if words in HELP_WORDS:
        return Meaning.HELP
    if words in WRONG_NUMBER_WORDS:
        return Meaning.WRONG_NUMBER
    if _REFUSAL.search(plain) or (plain.split()[:1] == ["stop"] and len(plain.split()) <= 3):
        return Meaning.REFUSAL
    return Meaning.FREE_TEXT


def _only_stop_words(plain: str) -> bool:
    """True for "STOP STOP" and "Stop. Cancel!": said twice it is no less a stop."""
    said = re.findall(r"[a-z0-9]+", plain)
    return bool(said) and STOP_WORDS.issuperset(said)


def in_spanish(text: str) -> bool:
    """True for a word of ours that only who speaks Spanish would send: it is answered in Spanish."""
    return re.sub(r"[^a-z]+", "", folded(text)) in _SPANISH


def folded(text: str) -> str:
    """Lower case without accents and without the typographic forms that phones put in."""
    decomposed = unicodedata.normalize("NFKD", text.replace("\u2019", "'"))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold().strip()


def says_yes(text: str) -> bool:
    """True for the one start word that may also be meant as an answer."""
    return re.sub(r"[^a-z]+", "", folded(text)) == "yes"
