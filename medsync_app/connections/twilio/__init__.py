"""Twilio: text messages out, delivery news and replies in."""

from medsync_app.connections.twilio.send import TwilioSms
from medsync_app.connections.twilio.signature import signed_by_twilio

__all__ = ["TwilioSms", "signed_by_twilio"]
