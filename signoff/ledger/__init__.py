"""The ledger: signed, hash-chained decisions and releases, in the state database and in git."""

from signoff.ledger.journal import entry_bytes, read_pointer, write_pointer
from signoff.ledger.keys import PublicKeys
from signoff.ledger.ledger import Ledger, champion, newest_release, open_ledger
from signoff.ledger.rules import broken_rules, check_release
from signoff.ledger.trust import KeyRing, read_public_keys, what_is_wrong
from signoff.ledger.verify import expect_whole, verify

__all__ = [
    "KeyRing",
    "Ledger",
    "PublicKeys",
    "broken_rules",
    "champion",
    "check_release",
    "entry_bytes",
    "expect_whole",
    "newest_release",
    "open_ledger",
    "read_pointer",
    "read_public_keys",
    "verify",
    "what_is_wrong",
    "write_pointer",
]
