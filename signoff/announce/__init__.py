"""Who hears of reviews, and how: by apprise to e-mail, chat and the like, and by signed webhooks."""

from signoff.announce.addresses import Address, addresses_of
from signoff.announce.message import Message
from signoff.announce.sending import Sent, Tried, announce_now, send_due, send_test
from signoff.announce.webhook import signature_holds, signature_of

__all__ = [
    "Address",
    "Message",
    "Sent",
    "Tried",
    "addresses_of",
    "announce_now",
    "send_due",
    "send_test",
    "signature_holds",
    "signature_of",
]
