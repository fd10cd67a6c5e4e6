"""The older name of acting on silence."""

from __future__ import annotations

from signoff.gates.silence import act_on_silence as expire_reviews
from signoff.gates.silence import decisions_of, entries_of

__all__ = ["decisions_of", "entries_of", "expire_reviews"]
