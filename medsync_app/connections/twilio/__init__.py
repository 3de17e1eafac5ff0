"""Twilio: text messages and calls out, delivery news, replies and keys in."""

from medsync_app.connections.twilio.client import TwilioApi
from medsync_app.connections.twilio.send import TwilioSms
from medsync_app.connections.twilio.signature import signed_by_twilio
from medsync_app.connections.twilio.voice import TwilioVoice

__all__ = ["TwilioApi", "TwilioSms", "TwilioVoice", "signed_by_twilio"]
