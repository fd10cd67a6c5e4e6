"""Every rule of a review's policy that allows, blocks or waits, as screens show it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from signoff.core.account import Caller, Permission
from signoff.core.decision import Decision, Review, ReviewState, Verdict
from signoff.core.policy import (
    acts_at,
    check_sentence,
    enough_already,
    expires,
    held_back,
    may_pass_alone,
    missing_approvals,
    missing_overrides,
    overrides_in,
    reminders,
    same_person,
    silence_sentence,
    verdicts_of,
    why_not,
)
from signoff.core.policy_freeze import Frozen, frozen
from signoff.core.policy_names import UNCOMMITTED
from signoff.core.policy_settings import Mode
from signoff.core.record import Moment, Record

RuleName = Literal[
    "mode", "check", "approvals", "four eyes", "you", "stand-in", "veto", "expiry", "reminder", "freeze", "override",
    "settings",
]  # fmt: skip
RuleState = Literal["holds", "blocks", "waits"]


class Rule(Record):
    """One rule and what it says now. `who` are names or roles; `until` is when it says something else."""

    name: RuleName
    state: RuleState
    sentence: str
    who: tuple[str, ...] = ()
    until: Moment | None = None


class Answer(Record):
    """A verdict, and the rule that forbids it to this caller; empty when nothing does."""

    verdict: Verdict
    override: bool = False
    forbidden: str = ""


NOT_IN_GIT = "somebody whose changes are not committed"


def rules_of(
    review: Review,
    decisions: Sequence[Decision],
    moment: datetime,
    caller: Caller | None = None,
    gone: Sequence[str] = (),
) -> tuple[Rule, ...]:
    """What the policy copied into a review says at a moment, in the order in which people ask.

    Args:
        review: the question, open or closed.
        decisions: what was said of it so far and still counts, in order.
        moment: when; windows, expiry and the dates of stand-ins go by it.
        caller: for whom; without one nothing is said of any one person.
        gone: why approvals that were given count no more.
    """
    found = [*_mode(review), *_checks(review), *_approvals(review, decisions)]
    found += _eyes(review)
    if caller is not None:
        found += _you(review, decisions, moment, caller)
    found += [*_stand_ins(review, moment), *_times(review, moment), *_freeze(review, decisions, moment)]
    if review.policy_changed:
        found.append(_changed(review))
    if review.settings_by:
        names = ", ".join(one if one != UNCOMMITTED else NOT_IN_GIT for one in review.settings_by)
        since = "since the last release, or since the workspace was made"
        sentence = f"By git, the settings are by {names}, {since}; git authors are no accounts."
        found.append(Rule(name="settings", state="holds", sentence=sentence, who=review.settings_by))
    found += [Rule(name="approvals", state="waits", sentence=f"{one[:1].upper()}{one[1:]}.") for one in gone]
    return tuple(found)


def _changed(review: Review) -> Rule:
    what = "; ".join(review.policy_changed)
    kept = "The stricter rules hold here, and an approval agrees to the change."
    return Rule(name="settings", state="waits", sentence=f"Policy changed in signoff.yaml: {what}. {kept}")


def allowed_verdicts(
    review: Review, caller: Caller, decisions: Sequence[Decision], moment: datetime
) -> tuple[Answer, ...]:
    """Every answer of the gate, and why this caller may not give it now.

    A closed review has none, but for an approved release that a freeze holds back: it can be taken back, and
    overridden; an approval with an override stands in the list only while there is a freeze that the policy lets
    people override.
    """
    override = _may_override(review, decisions, moment)
    if review.state is not ReviewState.OPEN:
        if review.state is not ReviewState.APPROVED:
            return ()
        refusals: tuple[Verdict, ...] = ("reject", "request-changes") if _kept(decisions, moment) else ()
        back = tuple(_answer(review, caller, decisions, moment, verdict) for verdict in refusals)
        return back + ((_answer(review, caller, decisions, moment, "approve", True),) if override else ())
    plain = tuple(_answer(review, caller, decisions, moment, verdict) for verdict in verdicts_of(review.gate))
    return plain + ((_answer(review, caller, decisions, moment, "approve", True),) if override else ())


def freeze_of(review: Review, decisions: Sequence[Decision], moment: datetime) -> Frozen | None:
    """The freeze that holds a release back at a moment, whether it is approved yet or not; None where none does."""
    hit = frozen(review.policy.freeze, moment) if review.gate == "release" else None
    last = _last_approval(decisions)
    return None if hit is None or (last is not None and held_back(last, moment) is None) else hit


def _kept(decisions: Sequence[Decision], moment: datetime) -> bool:
    """Whether the freeze of the approval itself still holds it back, so that nothing can be released by it yet."""
    last = _last_approval(decisions)
    if last is None or last.drill:
        return False
    then, still = held_back(last, last.decided), held_back(last, moment)
    return then is not None and still is not None and then.until == still.until


def _may_override(review: Review, decisions: Sequence[Decision], moment: datetime) -> bool:
    drill = any(decision.drill for decision in decisions)
    return review.policy.override is not None and not drill and freeze_of(review, decisions, moment) is not None


def _answer(
    review: Review,
    caller: Caller,
    decisions: Sequence[Decision],
    moment: datetime,
    verdict: Verdict,
    override: bool = False,
) -> Answer:
    reason = _forbidden(review, caller, decisions, moment, verdict, override)
    return Answer(verdict=verdict, override=override, forbidden=reason or "")


def _forbidden(
    review: Review,
    caller: Caller,
    decisions: Sequence[Decision],
    moment: datetime,
    verdict: Verdict,
    override: bool = False,
) -> str | None:
    if not caller.may(Permission.DECIDE, review.project):
        return f"{caller.name} may not decide in {review.project}"
    own = [one for one in decisions if one.verdict == "approve" and same_person(one.actor, caller.name)]
    again = enough_already(review, decisions)
    if verdict == "approve" and any(one.override or not override for one in own) and not again:
        return f"{caller.name} has approved already; each person counts once"
    roles = caller.roles_in(review.project)
    return why_not(review, caller.name, roles, verdict, moment=moment, override=override)


def _mode(review: Review) -> Iterator[Rule]:
    mode, broken = review.policy.mode, sum(not check.holds for check in review.checks)
    if mode is Mode.MANUAL:
        yield Rule(name="mode", state="waits", sentence="The gate is manual: people decide, whatever the checks say.")
    elif may_pass_alone(review.policy, review.checks):
        why = "every check holds" if mode is Mode.GUARDED else "the checks are only told"
        yield Rule(name="mode", state="holds", sentence=f"The gate is {mode.value}: {why}, so it needs nobody.")
    else:
        said = f"The gate is guarded and {broken} of {len(review.checks)} checks break: people decide."
        yield Rule(name="mode", state="blocks", sentence=said)


def _checks(review: Review) -> Iterator[Rule]:
    for check in review.checks:
        broken: RuleState = "waits" if review.policy.mode is Mode.MANUAL else "blocks"
        yield Rule(name="check", state="holds" if check.holds else broken, sentence=f"{check_sentence(check)}.")


def _approvals(review: Review, decisions: Sequence[Decision]) -> Iterator[Rule]:
    given = [
        one
        for one in decisions
        if one.verdict == "approve"
        and not one.automatic
        and why_not(review, one.actor, one.roles, moment=one.decided, override=one.override) is None
    ]
    if given:
        names = tuple(dict.fromkeys(one.actor for one in given))
        yield Rule(name="approvals", state="holds", sentence=f"Approved by {', '.join(names)}.", who=names)
    if review.state is ReviewState.OPEN:
        for one in missing_approvals(review.policy, given):
            yield Rule(
                name="approvals", state="waits", sentence=f"It waits for {one}.", who=(one.rpartition(" a ")[2],)
            )


def _eyes(review: Review) -> Iterator[Rule]:
    names = tuple(dict.fromkeys(review.started_by))
    if review.policy.four_eyes:
        said = f"Four eyes: whoever started or steered what led here may not approve it ({', '.join(names)})."
        yield Rule(name="four eyes", state="blocks", sentence=said, who=names)
    else:
        said = "Four eyes are not asked for: whoever started or steered the run may approve it too."
        yield Rule(name="four eyes", state="holds", sentence=said, who=names)


def _you(review: Review, decisions: Sequence[Decision], moment: datetime, caller: Caller) -> Iterator[Rule]:
    if review.state is not ReviewState.OPEN:
        return
    reason = _forbidden(review, caller, decisions, moment, "approve")
    sentence = f"You may not approve: {reason}." if reason else "Your approval counts here."
    yield Rule(name="you", state="blocks" if reason else "holds", sentence=sentence, who=(caller.name,))


def _stand_ins(review: Review, moment: datetime) -> Iterator[Rule]:
    for one in review.policy.stand_ins:
        holds = one.holds(moment)
        now_or_not = "counts now" if holds else "does not count now"
        said = f"{one.name} stands in as {one.role} {one.days()}, which {now_or_not}."
        yield Rule(name="stand-in", state="holds" if holds else "blocks", sentence=said, who=(one.name,))


def _times(review: Review, moment: datetime) -> Iterator[Rule]:
    if review.state is not ReviewState.OPEN:
        return
    acting, end = acts_at(review), expires(review)
    if acting is not None:
        yield Rule(name="veto", state="waits", sentence=silence_sentence(review), who=("policy",), until=acting)
    elif end is not None:
        yield Rule(name="expiry", state="waits", sentence=silence_sentence(review), until=end)
    due = next((one for one in reminders(review) if one > moment), None)
    if due is not None:
        yield Rule(name="reminder", state="holds", sentence="Those who are wanted are reminded then.", until=due)


def _freeze(review: Review, decisions: Sequence[Decision], moment: datetime) -> Iterator[Rule]:
    if not review.policy.freeze or review.gate != "release":
        return
    hit = frozen(review.policy.freeze, moment)
    if hit is None:
        rules = "; ".join(window.sentence() for window in review.policy.freeze)
        yield Rule(name="freeze", state="holds", sentence=f"Releases are open now ({rules}).")
        return
    last = _last_approval(decisions)
    given = overrides_in(last, hit) if last is not None else []
    missing = missing_overrides(review.policy, given)
    names = tuple(one.actor for one in given)
    if not missing:
        said = f"The freeze is overridden by {', '.join(names)}: {hit.sentence()}."
        yield Rule(name="override", state="holds", sentence=said, who=names)
        return
    said = f"An approval is kept and nothing is released now: {hit.sentence()}."
    yield Rule(name="freeze", state="blocks", sentence=said, until=hit.until)
    role = (review.policy.override.role,) if review.policy.override is not None else ()
    yield Rule(
        name="override",
        state="waits" if role else "blocks",
        sentence=f"To release before: {', '.join(missing)}.",
        who=(*names, *role),
    )


def _last_approval(decisions: Sequence[Decision]) -> Decision | None:
    """The newest approval; an override names those before it among its votes."""
    return next((one for one in reversed(decisions) if one.verdict == "approve"), None)
