"""Which bases allow automated messages, and what a patient is read before agreeing: recorded word for word."""

from collections.abc import Mapping
from typing import Final

from medsync_app.domain.states import Channel, ContactBasis

#: The bases on which a patient may be sent automated messages (DOMAIN.md section 5).
USABLE: Final = frozenset({ContactBasis.EXPRESS, ContactBasis.NUMBER_GIVEN})
#: Language -> channel -> wording; {pharmacy} is the pharmacy's name.
WORDINGS: Final[Mapping[str, Mapping[Channel, str]]] = {
    "en": {
        Channel.SMS: "I agree that {pharmacy} sends automated text messages about my refills and pickups to this "
        "number. Message and data rates may apply. I can reply STOP at any time. Agreeing is not a condition of "
        "getting my medicines.",
        Channel.VOICE: "I agree that {pharmacy} calls this number with automated messages about my refills and "
        "pickups. I can ask to stop at any time. Agreeing is not a condition of getting my medicines.",
        Channel.EMAIL: "I agree that {pharmacy} sends e-mail about my refills and pickups to this address. I can "
        "ask to stop at any time. Agreeing is not a condition of getting my medicines.",
    },
    "es": {
        Channel.SMS: "Acepto que {pharmacy} envíe mensajes de texto automáticos sobre mis recetas a este número. "
        "Pueden aplicarse tarifas de mensajes y datos. Puedo responder STOP en cualquier momento. Aceptar no es "
        "condición para recibir mis medicamentos.",
        Channel.VOICE: "Acepto que {pharmacy} llame a este número con mensajes automáticos sobre mis recetas. "
        "Puedo pedir que terminen en cualquier momento. Aceptar no es condición para recibir mis medicamentos.",
        Channel.EMAIL: "Acepto que {pharmacy} envíe correos sobre mis recetas a esta dirección. Puedo pedir que "
        "terminen en cualquier momento. Aceptar no es condición para recibir mis medicamentos.",
    },
}


def consent_wording(language: str, channel: Channel, pharmacy: str) -> str:
    """The wording for one channel, in English when there is none in that language."""
    return WORDINGS.get(language, WORDINGS["en"])[channel].format(pharmacy=pharmacy)


def may_use(channel: Channel, basis: ContactBasis, *, free_to_end_user: bool) -> bool:
    """Whether a basis allows automated messages on a channel: by consent, or by the FCC's exemption for healthcare.

    The exemption (47 CFR 64.1200(a)(9)(iv)) is for numbers nobody was asked about, and only where texts and calls are
    free to whoever gets them: a pharmacy's setting, off.
    """
    exempt = free_to_end_user and basis is ContactBasis.NOT_ASKED and channel is not Channel.EMAIL
    return basis in USABLE or exempt
