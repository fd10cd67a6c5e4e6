"""Reviews: one question a gate and digest, closed by exactly one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from signoff.core.decision import GateName, Review, ReviewState
from signoff.core.errors import ConflictError
from signoff.core.record import Moment, now
from signoff.store.facts import facts_of_review
from signoff.store.parts import Part, as_text
from signoff.store.schema import asked, ledger, reviews

NEW = ""
"""The id of a review that the store has not numbered yet."""


class ReviewTable(Part):
    """The reviews of a project, in the order in which they were opened."""

    def open_review(self, review: Review) -> Review:
        """The review of this gate and digest: the one that stands, else this one under a new id such as release-3.

        Opened twice, by however many processes, it is one review. One that was superseded does not stand.
        """
        with self.database.writing() as connection:
            standing = self.standing_review(review.gate, review.digest)
            if standing is not None:
                return standing
            number = self._next_number(connection, review.gate)
            numbered = review.model_copy(update={"id": f"{review.gate}-{number}"})
            connection.execute(
                insert(reviews).values(
                    project=self.project,
                    id=numbered.id,
                    number=number,
                    gate=review.gate,
                    digest=review.digest,
                    state=review.state.value,
                    record=as_text(numbered),
                )
            )
            facts = facts_of_review(numbered)
            connection.execute(insert(asked).values(project=self.project, id=numbered.id, **facts))
        return numbered

    def standing_review(self, gate: GateName, digest: str) -> Review | None:
        """The review about this digest that was not superseded, open or closed."""
        found = self.reviews(gate=gate, digest=digest)
        return next((review for review in found if review.state is not ReviewState.SUPERSEDED), None)

    def review(self, review_id: str) -> Review:
        """One review.

        Raises:
            NotFoundError: there is no such review.
        """
        return self._one(reviews, Review, "review", review_id, next_step="signoff review list")

    def reviews(
        self, *, state: ReviewState | None = None, gate: GateName | None = None, digest: str | None = None
    ) -> tuple[Review, ...]:
        """Reviews from the oldest to the newest."""
        query = select(reviews.c.record).where(reviews.c.project == self.project)
        if state is not None:
            query = query.where(reviews.c.state == state.value)
        if gate is not None:
            query = query.where(reviews.c.gate == gate)
        if digest is not None:
            query = query.where(reviews.c.digest == digest)
        with self.database.reading() as connection:
            texts = connection.execute(query).scalars().all()
        found = [self._read(Review, text, "a review") for text in texts]
        return tuple(sorted(found, key=lambda review: (review.opened, review.gate, int(review.id.rpartition("-")[2]))))

    def close_review(
        self,
        review_id: str,
        state: ReviewState,
        *,
        expected: ReviewState = ReviewState.OPEN,
        closed: Moment | None = None,
        note: str = "",
    ) -> Review:
        """Compare and set: only a review that stands at `expected` is closed.

        Raises:
            ConflictError: somebody else closed it first.
            NotFoundError: there is no such review.
        """
        with self.database.writing() as connection:
            review = self.review(review_id)
            changed = review.model_copy(update={"state": state, "closed": closed or now(), "note": note or review.note})
            done = connection.execute(
                update(reviews)
                .where(*self._review(review_id), reviews.c.state == expected.value)
                .values(state=state.value, record=as_text(changed))
            )
            if done.rowcount != 1:
                raise ConflictError(
                    f"the review {review_id} is no longer {expected.value}",
                    got=review.state.value,
                    next_step=f"signoff review show {review_id}",
                )
        return changed

    def _next_number(self, connection: Connection, gate: GateName) -> int:
        """After all reviews of the gate, and all that the ledger of a clone already names."""
        count = select(func.max(reviews.c.number)).where(reviews.c.project == self.project, reviews.c.gate == gate)
        named = select(ledger.c.about).where(
            ledger.c.project == self.project, ledger.c.kind == "decision", ledger.c.about.like(f"{gate}-%")
        )
        numbers = [about.rpartition("-")[2] for about in connection.execute(named).scalars()]
        return 1 + max([connection.execute(count).scalar() or 0, *(int(n) for n in numbers if n.isdigit())])

    def _review(self, review_id: str) -> tuple[Any, Any]:
        return reviews.c.project == self.project, reviews.c.id == review_id
