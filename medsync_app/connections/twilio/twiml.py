"""Builds the documents by which Twilio leads a call: a question for one key, or a last sentence."""

from typing import Any

from twilio.twiml.voice_response import (  # pyright: ignore[reportMissingTypeStubs]
    Gather,
    VoiceResponse,
)

#: Our language -> the voice that reads it.
_VOICES = {"en": "en-US", "es": "es-MX"}
#: Seconds to wait for a key after the question.
_WAIT = 8


def ask_for_key(question: str, *, action: str, language: str, silence: str) -> str:
    """Read a question, wait for one key and go on at `action`; without a key say `silence` and hang up."""
    document: Any = VoiceResponse()
    voice = _voice(language)
    gather: Any = Gather(num_digits=1, action=action, method="POST", timeout=_WAIT)
    gather.say(question, language=voice)
    gather.pause(length=1)
    document.append(gather)
    document.say(silence, language=voice)
    document.hangup()
    return str(document)


def say_and_hang_up(words: str, *, language: str) -> str:
    """Read a sentence and end the call."""
    document: Any = VoiceResponse()
    document.say(words, language=_voice(language))
    document.hangup()
    return str(document)


def hang_up() -> str:
    """End the call."""
    document: Any = VoiceResponse()
    document.hangup()
    return str(document)


def _voice(language: str) -> str:
    return _VOICES.get(language, _VOICES["en"])
