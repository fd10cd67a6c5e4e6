"""Comments on reviews, in the order in which they were made; none is changed or removed."""

from __future__ import annotations

from sqlalchemy import insert, select

from signoff.core.discussion import Comment
from signoff.store.parts import Part, as_text
from signoff.store.schema import comments


class CommentTable(Part):
    """The discussion of a project's reviews."""

    def add_comment(self, comment: Comment) -> Comment:
        """Keep a comment on a review of this project; it comes back with its number. The caller knows the review."""
        with self.database.writing() as connection:
            done = connection.execute(
                insert(comments).values(project=self.project, review=comment.review, record=as_text(comment))
            )
            key = done.inserted_primary_key
        return comment.model_copy(update={"number": int(key[0]) if key is not None else 0, "project": self.project})

    def comments(self, review_id: str) -> tuple[Comment, ...]:
        """The discussion of one review, oldest first."""
        query = select(comments.c.id, comments.c.record).where(
            comments.c.project == self.project, comments.c.review == review_id
        )
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(comments.c.id)).all()
        return tuple(self._read(Comment, row.record, "a comment").model_copy(update={"number": row.id}) for row in rows)
