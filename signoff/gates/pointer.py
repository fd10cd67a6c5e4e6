"""decisions/release.json after a kill: what a refusal took back is named there no longer than until the next look."""

from __future__ import annotations

from signoff.core.policy_proof import refuses
from signoff.gates.desk import Desk, publish
from signoff.ledger import read_pointer


def mend_pointer(desk: Desk) -> bool:
    """Finish what a kill between a refusal's row and its files left out: the approval that it took back stays named.

    Returns:
        Whether there was anything to finish.

    Raises:
        IntegrityError: decisions/release.json was edited.
    """
    pointer = read_pointer(desk.paths.release_decision)
    if pointer is None:
        return False
    later = (entry for entry in desk.ledger.entries(about=pointer.about) if entry.sequence > pointer.sequence)
    refusal = next((entry for entry in later if entry.kind == "decision" and refuses(entry.decision())), None)
    if refusal is None:
        return False
    publish(desk, refusal)
    return True
