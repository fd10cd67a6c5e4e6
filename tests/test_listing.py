"""Lists over all projects of a database, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from signoff.core.decision import Review, ReviewState
from signoff.core.discussion import Comment
from signoff.core.paths import Paths
from signoff.core.record import now
from signoff.core.run import Cause
from signoff.core.settings import Approvals, GatePolicy
from signoff.store import NEW, Store, open_store
from signoff.store.listing import (
    Wanted,
    ambiguous_ids,
    earlier_reviews,
    entries_by,
    later_review,
    list_reviews,
    list_waiting,
)
from tests.ledger_cases import approve, ask, desk_at

ONE, OTHER = "demo", "other_%"
ROLES = {ONE: ("reviewer",), OTHER: ("owner_x",)}


@pytest.fixture
def store(database: str | None, tmp_path: Path) -> Iterator[Store]:
    desk = desk_at(tmp_path, address=database)
    yield desk.store
    desk.store.close()


def opened(store: Store, digest: str, *, days: float | None = None, role: str = "reviewer", ago: int = 0) -> Review:
    policy = GatePolicy(expires_days=days, approvals=(Approvals(role=role),))
    review = Review(
        id=NEW,
        project=store.project,
        gate="release",
        digest=digest,
        evidence_sha256="e" * 64,
        run="r1",
        cause=Cause(actor="cy"),
        policy=policy,
        opened=now() - timedelta(minutes=ago),
        subject=digest,
    )
    return store.open_review(review)


def test_lists_go_over_projects_by_page_and_by_what_ends_first(store: Store) -> None:
    other = Store(store.database, OTHER, lambda: "place")
    opened(store, "a", ago=3)
    opened(other, "b", days=5, ago=2, role="owner")
    last = opened(store, "c", days=1, ago=1)
    opened(other, "d", ago=0, role="owner")
    store.close_review(last.id, ReviewState.APPROVED)
    opened(store, "e", days=2, ago=4)
    every = Wanted(projects=(ONE, OTHER))

    def subjects(wanted: Wanted, **more: object) -> list[str]:
        return [one.subject for one in list_reviews(store.database, wanted, **more).reviews]  # type: ignore[arg-type]

    assert subjects(every) == ["d", "c", "b", "a", "e"]
    assert subjects(every, limit=2, offset=1) == ["c", "b"]
    assert list_reviews(store.database, every, limit=1).total == 5
    still = Wanted(projects=(ONE, OTHER), states=(ReviewState.OPEN,))
    assert subjects(still, order="due") == ["e", "b", "a", "d"]
    assert subjects(Wanted(projects=())) == []


def test_who_may_sit_down_is_found_by_role_and_by_name(store: Store) -> None:
    other = Store(store.database, OTHER, lambda: "place")
    opened(store, "mine")
    opened(store, "theirs", role="owner")
    opened(other, "wild", role="owner_x")
    # LIKE's own signs in a role or a name match nothing but themselves.
    opened(other, "near", role="ownersx")
    policy = GatePolicy.model_validate({"approvals": [{"role": "owner"}], "stand_ins": {"owner": ["Ada"]}})
    stood = opened(store, "stood", role="owner").model_copy(update={"policy": policy, "digest": "stood-2", "id": NEW})
    store.open_review(stood)
    mine = list_waiting(store.database, ROLES, "ada", mine=True)
    assert sorted(one.digest for one in mine.reviews) == ["mine", "stood-2", "wild"]
    rest = list_waiting(store.database, ROLES, "ada", mine=False)
    assert sorted(one.digest for one in rest.reviews) == ["near", "stood", "theirs"]
    assert mine.total + rest.total == 6
    assert list_waiting(store.database, {ONE: ()}, "100%", mine=True).total == 0


def test_ids_of_two_projects_need_their_project(store: Store) -> None:
    other = Store(store.database, OTHER, lambda: "place")
    opened(store, "a")
    opened(store, "b")
    opened(other, "c")
    assert ambiguous_ids(store.database, {"release-1", "release-2"}, (ONE, OTHER)) == {"release-1"}
    assert ambiguous_ids(store.database, {"release-1"}, (ONE,)) == frozenset()


def test_versions_before_and_after_a_review(store: Store) -> None:
    first, second, third = (opened(store, name) for name in "abc")
    assert [one.id for one in earlier_reviews(store.database, third)] == [second.id, first.id]
    assert later_review(store.database, first) == third
    assert later_review(store.database, third) is None


def test_what_somebody_decided_is_found_after_an_upgrade_too(database: str | None, tmp_path: Path) -> None:
    desk = desk_at(tmp_path, address=database)
    ask(desk, "a")
    approve(desk, "release-1", "Bo")
    assert [entry.about for _, entry in entries_by(desk.store.database, "bo", [ONE])] == ["release-1"]
    assert entries_by(desk.store.database, "bo", ["elsewhere"]) == ()
    with desk.store.database.writing() as connection:
        connection.execute(text("UPDATE signoff_meta SET value = '2' WHERE name = 'version'"))
        connection.execute(text("DROP TABLE signoff_asked"))
        connection.execute(text("DROP TABLE signoff_acts"))
    desk.store.close()
    again = open_store(desk.project, Paths(tmp_path))
    assert [one.id for one in list_reviews(again.database, Wanted(projects=(ONE,))).reviews] == ["release-1"]
    assert len(entries_by(again.database, "BO", [ONE])) == 1
    again.close()


def test_comments_stand_in_order_beside_their_own_review(store: Store) -> None:
    for review, said in (("release-1", "one"), ("release-2", "two"), ("release-1", "three")):
        store.add_comment(Comment(number=0, project=ONE, review=review, actor="ada", said=now(), text=said))
    assert [one.text for one in store.comments("release-1")] == ["one", "three"]
    assert Store(store.database, OTHER, lambda: "place").comments("release-1") == ()
