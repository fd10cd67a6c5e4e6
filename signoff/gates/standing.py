"""The policy under which a gate asks: nobody loosens alone what was in force before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from signoff.core.decision import Decision, Entry, GateName, ReviewState
from signoff.core.policy import held_back, name_key, roles_of
from signoff.core.policy_settings import GatePolicy
from signoff.core.policy_stricter import Kept, keep_stricter
from signoff.core.run import Cause
from signoff.gates.desk import Desk
from signoff.ledger import broken_rules, read_public_keys, what_is_wrong
from signoff.store.listing import Wanted, list_reviews

_REFUSED = (ReviewState.REJECTED.value, ReviewState.CHANGES.value)


def asked_under(desk: Desk, gate: GateName, wanted: GatePolicy, cause: Cause, involved: Sequence[str]) -> Kept:
    """What signoff.yaml says, made as strict as what was in force at this gate.

    In force are the policy that people last approved under here and those of every question since. What was taken
    back of them counts from the next approval by the rules of before on, which signs the change too. Whoever started
    the run may change a policy at once under which their own approval alone would have been enough; but what was
    frozen stays frozen, for no approval is enough to release then.

    Args:
        desk: the workspace's desk.
        gate: the door.
        wanted: the gate's policy in signoff.yaml.
        cause: why the run exists.
        involved: who else started or steered it.
    """
    before = [
        _frozen_as(wanted, one) if _enough_alone(desk, one, cause.actor) else one for one in _in_force(desk, gate)
    ]
    return keep_stricter(before, wanted, (cause.actor, *involved))


def holds_now(desk: Desk, gate: GateName, wanted: GatePolicy) -> Kept:
    """The policy under which the next question at a gate will be asked, as far as it can be told before a run begins.

    A policy under which one approval is enough is taken for changed, but for its freeze: see `asked_under`.
    """
    newest = list_reviews(desk.store.database, Wanted(projects=(desk.project.project,), gates=(gate,)), limit=1).reviews
    if not newest or (newest[0].policy == wanted and newest[0].policy_asked is None):
        return Kept(policy=wanted)
    return keep_stricter(
        [_frozen_as(wanted, one) if _one_is_enough(one) else one for one in _in_force(desk, gate)], wanted
    )


def _in_force(desk: Desk, gate: GateName) -> Iterator[GatePolicy]:
    last = _last_approval(desk, gate)
    if last is not None:
        # The machine's own approval agrees to no change of what people are asked.
        yield last.policy if last.automatic else _agreed_to(last)
    drills = {drill.review for drill in desk.store.drills()}
    for review in desk.store.reviews(gate=gate):
        since = last is None or (review.id != last.review and review.opened >= last.decided)
        if since and review.id not in drills:
            yield review.policy


def _agreed_to(approval: Decision) -> GatePolicy:
    """The policy that an approval agrees to; one that a freeze keeps was too little to lift the freeze."""
    asked = approval.policy_asked or approval.policy
    return asked if held_back(approval, approval.decided) is None else _frozen_as(asked, approval.policy)


def _frozen_as(policy: GatePolicy, before: GatePolicy) -> GatePolicy:
    return policy.model_copy(update={"freeze": before.freeze, "override": before.override})


def _last_approval(desk: Desk, gate: GateName) -> Decision | None:
    keys = read_public_keys(desk.paths.public_keys)
    taken_back: set[str] = set()
    for entry in reversed(desk.ledger.entries()):
        if entry.body.get("outcome") in _REFUSED:
            taken_back.add(entry.about)
        if not _approves(entry, gate) or entry.about in taken_back or what_is_wrong(entry, keys) is not None:
            continue
        decision = entry.decision()
        if not any(broken_rules(decision)):
            return decision
    return None


def _approves(entry: Entry, gate: GateName) -> bool:
    body, approved = entry.body, ReviewState.APPROVED.value
    at_gate = entry.kind == "decision" and body.get("gate") == gate
    return at_gate and body.get("outcome") == approved and not body.get("drill")


def _enough_alone(desk: Desk, policy: GatePolicy, actor: str) -> bool:
    """Whether one approval, by this actor, would have been all that a policy asks for."""
    return _one_is_enough(policy) and policy.approvals[0].role in _roles(desk, actor)


def _one_is_enough(policy: GatePolicy) -> bool:
    return not policy.four_eyes and sum(one.count for one in policy.approvals) == 1


def _roles(desk: Desk, actor: str) -> Sequence[str]:
    if not desk.store.accounts_in_force():
        return roles_of(desk.project.people, actor)
    account = desk.store.find_account(name_key(actor))
    return account.roles_in(desk.project.project) if account is not None else ()
