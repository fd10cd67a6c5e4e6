"""What closing a review says beside its decision: who is to hear of it, and that it was a drill."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from signoff.core.decision import Decision, Entry, Review, ReviewState
from signoff.core.drill import DrillTold, Seal, new_salt
from signoff.core.errors import RefusedError
from signoff.core.notice import NoticeKind
from signoff.core.run import RunState

if TYPE_CHECKING:
    from signoff.gates.desk import Desk


def note_opened(desk: Desk, review: Review) -> None:
    """Note that a review waits. To be called in the transaction that opens it."""
    desk.store.note("opened", review.id, moment=review.opened)
    if review.gate == "release" and not desk.drilling and desk.store.has_entries("seal"):
        # Where drills are held or were prepared, every release review comes with a seal: one that is never opened, of
        # nothing. So the ledger's reader cannot tell by a seal which review is the drill.
        desk.ledger.append("seal", Seal(commitment=new_salt()).as_json())


def note_closed(desk: Desk, review: Review, entry: Entry) -> None:
    """Note that a review was decided or expired. To be called in the transaction that closes it."""
    decision = entry.decision()
    if decision.automatic and decision.decided == review.opened:
        return
    kind: NoticeKind = "expired" if review.state is ReviewState.EXPIRED else "decided"
    desk.store.note(kind, review.id, about=entry.hash, moment=decision.decided)


def tell_drill(desk: Desk, review: Review, decision: Decision | None, moment: datetime) -> Entry | None:
    """Open the seal of a review that has just been closed; None where it was no drill, or was told before.

    To be called in the transaction that closes it. The entry's file has to follow, after the transaction.
    """
    drill = desk.store.drill(review.id)
    if drill is None or drill.state != "open" or review.state is ReviewState.OPEN:
        return None
    told = drill.model_copy(update=_outcome(review, decision, moment))
    body = DrillTold(
        project=drill.project,
        review=drill.review,
        drill=drill.kind,
        digest=drill.digest,
        salt=drill.salt,
        seal=drill.seal,
        told=moment,
    )
    entry = desk.ledger.append("drill", body.as_json())
    desk.store.update_drill(told)
    desk.store.finish_run(review.run, RunState.DONE, message=told.told())
    desk.store.note("drill-told", review.id, text=told.told(), moment=moment)
    return entry


def tell_superseded(desk: Desk, moment: datetime) -> tuple[Entry, ...]:
    """Tell the drills whose review a newer question has pushed aside: nobody can answer them any more."""
    found = []
    for drill in desk.store.drills(told=False):
        review = desk.store.review(drill.review)
        entry = tell_drill(desk, review, None, moment)
        if entry is not None:
            found.append(entry)
    return tuple(found)


def refuse_drill(desk: Desk, *digests: str) -> None:
    """What was made for a drill is never released, whatever was decided about it.

    Raises:
        RefusedError: one of the digests, of candidate or model, belongs to a drill.
    """
    for drill in desk.store.drills():
        if {drill.digest, drill.model_digest} & set(digests):
            raise RefusedError(
                "this candidate was made for a drill and can never be released",
                where=f"review {drill.review}",
                got=f"digest {drill.digest[:16]}…",
                next_step="signoff review list",
            )


def publish_told(desk: Desk) -> None:
    """Write the files of seals and of drills that were told, after the transaction that added them."""
    if not desk.drilling and desk.store.drills():
        desk.ledger.reconcile()


def _outcome(review: Review, decision: Decision | None, moment: datetime) -> dict[str, object]:
    """Caught by whoever said no; missed where somebody said yes, or nobody anything."""
    if decision is None:
        return {"state": "void", "closed": review.closed or moment, "reasons": review.note}
    voters = () if decision.automatic else (*(vote.actor for vote in decision.votes), decision.actor)
    by = tuple(dict.fromkeys(voters))
    state = "caught" if review.state in (ReviewState.REJECTED, ReviewState.CHANGES) else "missed"
    verdict = review.state.value if decision.automatic else decision.verdict
    closed = review.closed or moment
    return {"state": state, "closed": closed, "by": by, "verdict": verdict, "reasons": decision.reasons}
