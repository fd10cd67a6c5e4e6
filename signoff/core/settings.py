"""signoff.yaml as strict, frozen records. Constructors store; `settings_file` reads and explains."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from signoff.core.policy_settings import Approvals as Approvals
from signoff.core.policy_settings import Check as Check
from signoff.core.policy_settings import GatePolicy as GatePolicy
from signoff.core.policy_settings import Mode as Mode
from signoff.core.record import Record

Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]


class Task(StrEnum):
    """What kind of answer the model gives."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class FileSource(Record):
    """A CSV or Parquet file inside the data folder."""

    file: str = Field(description="path below data.folder; the ending tells the format: .csv, .csv.gz, .tsv, .parquet")
    encoding: str = Field("utf-8", description="text encoding of a CSV file")
    delimiter: str | None = Field(None, description="column separator of a CSV file; found out when not given")


class QuerySource(Record):
    """The answer of a SQL database to one query."""

    database: str = Field(description="SQLAlchemy address, or env:NAME to read it from an environment variable")
    query: str = Field(description="one SELECT; :as_of is bound to the run's clock when it is named")


Source = FileSource | QuerySource


class Data(Record):
    """Where the rows come from, and what each special column is."""

    folder: str = Field("sources", description="folder of the source files, relative to the workspace")
    sources: dict[str, Source] = Field(min_length=1, description="name of each table and where it comes from")
    sql: str | None = Field(
        None, description="file with the SELECT that joins the sources (DuckDB; $as_of is the clock)"
    )
    time_column: str | None = Field(
        None, description="when the question is asked of a row; splits and windows go by it"
    )
    known_column: str | None = Field(
        None, description="when the outcome of a row is known; rows whose outcome lies after the clock are left out"
    )
    group_column: str | None = Field(None, description="rows of one group never fall on both sides of a split")
    id_columns: tuple[str, ...] = Field((), description="identify a row; must be unique together; never features")
    missing: tuple[str, ...] = Field(
        (), description='texts of CSV files that mean "not known", besides empty fields, NA, N/A, NaN and NULL'
    )
    drop: tuple[str, ...] = Field((), description="columns removed at ingestion")
    pseudonymise: tuple[str, ...] = Field(
        (), description="columns replaced by a keyed hash at ingestion; never features"
    )
    sensitive: tuple[str, ...] = Field((), description="columns by which fairness is looked at")
    history_days: int | None = Field(
        None, ge=1, description="how far back from the clock rows are taken; all when not given"
    )


class Split(Record):
    """How the holdout is cut off."""

    kind: Literal["time", "group", "stratified"] = Field(
        "stratified", description="time: the newest rows are the holdout"
    )
    holdout: float = Field(0.2, gt=0, lt=1, description="share of rows kept from training")
    seed: int = 0


class Budget(Record):
    """A promise: the search ends within it. Give seconds or trials."""

    seconds: float | None = Field(None, gt=0, description="wall-clock seconds of the search")
    trials: int | None = Field(None, ge=1, description="number of trials; makes the search repeatable")
    memory_mb: int | None = Field(None, ge=256, description="memory of one trial; a trial above it is ended")

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.seconds is None) == (self.trials is None):
            raise ValueError("give either seconds or trials")
        return self

    @property
    def sentence(self) -> str:
        """'45 s' or '20 trials', and the memory of a trial when it is limited."""
        amount = f"{self.seconds:g} s" if self.seconds else f"{self.trials} trials"
        return amount + (f", {self.memory_mb} MB a trial" if self.memory_mb else "")


Family = Literal["baseline", "linear", "extra_trees", "hist_boosting", "lightgbm"]
FAMILIES: tuple[Family, ...] = ("baseline", "linear", "extra_trees", "hist_boosting", "lightgbm")


class Search(Record):
    """What may be tried, how it is judged, and for how long."""

    metric: str | None = Field(
        None, description="roc_auc, log_loss, average_precision, rmse, mae, r2, ...; by task when not given"
    )
    budget: Budget = Budget(seconds=60)
    families: tuple[Family, ...] = Field(FAMILIES, min_length=1)
    folds: int = Field(3, ge=2, le=20)
    workers: int = Field(2, ge=1, description="trials at the same time")
    seed: int = 0


class ErrorCost(Record):
    """What a wrong answer costs, in the project's money."""

    false_positive: float = Field(1.0, ge=0)
    false_negative: float = Field(1.0, ge=0)
    currency: str = "units"


class Evaluate(Record):
    """What the evidence looks at."""

    cost: ErrorCost | None = None
    rows_are: str = Field(
        "rows", min_length=1, max_length=40, description="what the rows are, in the plural: flights, customers, orders"
    )
    slices: tuple[str, ...] = Field((), description="columns whose groups are judged one by one")
    bootstrap: int = Field(200, ge=20, le=10_000, description="resamples behind each interval")
    interval: float = Field(0.95, gt=0.5, lt=1)


class Gates(Record):
    """The policy of each door."""

    data: GatePolicy = GatePolicy(mode=Mode.GUARDED, checks=(Check(metric="validation.failed", at_most=0),))
    release: GatePolicy = GatePolicy()
    alert: GatePolicy = GatePolicy(mode=Mode.MANUAL)

    @model_validator(mode="after")
    def _only_releases_freeze(self) -> Self:
        for name in type(self).model_fields:
            if name != "release" and getattr(self, name).freeze:
                raise ValueError(f"gates.{name} releases nothing, so freeze belongs to gates.release")
        return self


class Serving(Record):
    """How the champion answers."""

    host: str = "127.0.0.1"
    port: int = Field(3000, ge=0, le=65535)
    max_rows: int = Field(10_000, ge=1, description="rows allowed in one request")


class Monitoring(Record):
    """What a window of traffic is, and when it is an alert."""

    window_days: int = Field(30, ge=1)
    minimum_rows: int = Field(200, ge=1, description="a smaller window is not judged")
    columns: tuple[str, ...] = Field((), description="columns watched for drift; all features when empty")
    checks: tuple[Check, ...] = Field(
        (Check(metric="drift.share", at_most=0.5), Check(metric="performance.calibration_gap", at_most=0.05)),
        description="a window that breaks one of these is an alert",
    )
    retrain_on_alert: bool = Field(False, description="an alert starts a retrain, whose cause names it")


class Schedule(Record):
    """Cron lines of the flows that run by themselves."""

    retrain: str | None = None
    watch: str | None = None
    timezone: str = "UTC"


class Oidc(Record):
    """Log-in by an identity provider (OpenID Connect, authorization code with PKCE)."""

    issuer: str = Field(description="address of the provider; its discovery document is read from there")
    client_id: str
    client_secret: str | None = Field(None, description="env:NAME; none for a public client")
    name_claim: str = Field("preferred_username", description="the claim that becomes the account's name")
    roles_claim: str | None = Field(None, description="the claim that lists groups; none: an admin grants the roles")
    roles: dict[str, tuple[str, ...]] = Field({}, description="group of the claim: the roles it gives")


class Console(Record):
    """Where the review console answers."""

    host: str = "127.0.0.1"
    port: int = Field(8400, ge=0, le=65535)
    public_url: str | None = Field(None, description="address that people type; links in announcements begin with it")
    tls_certificate: str | None = Field(None, description="PEM file; needed to bind elsewhere than on loopback")
    tls_key: str | None = Field(None, description="PEM file of the certificate's key")
    trusted_proxies: tuple[str, ...] = Field(
        (), description="addresses or networks of proxies that end TLS in front of it; nobody else gets an answer then"
    )
    session_hours: float = Field(12, gt=0, le=24 * 30)
    access_log_days: int = Field(400, ge=0, le=36500, description="days that the access log is kept; 0 keeps it whole")
    oidc: Oidc | None = None

    @model_validator(mode="after")
    def _proxies_have_addresses(self) -> Self:
        for proxy in self.trusted_proxies:
            try:
                wide = ip_network(proxy, strict=False).prefixlen == 0
            except ValueError:
                wide = True
            if wide:
                raise ValueError(f"{proxy!r} in console.trusted_proxies is no address such as 10.0.0.2 or 10.0.0.0/28")
        return self


class Webhook(Record):
    """An address that is told, in JSON signed with HMAC-SHA-256."""

    url: str
    secret: str = Field(description="env:NAME of the key that signs the body")


class Announce(Record):
    """Who hears of reviews."""

    targets: tuple[str, ...] = Field((), description="apprise addresses (mailto://, slack://, ...), or env:NAME")
    by_role: dict[str, tuple[str, ...]] = Field({}, description="role: addresses told only of what waits for that role")
    webhooks: tuple[Webhook, ...] = ()
    attempts: int = Field(8, ge=1, description="tries of a webhook or address before it is given up")


class State(Record):
    """Where Signoff, Prefect and Optuna keep their state; SQLite inside the workspace when not given."""

    database: str | None = Field(None, description="SQLAlchemy address or env:NAME; for ledger, reviews and runs")
    prefect_database: str | None = None
    optuna_database: str | None = None


class Project(Record):
    """One prediction problem: all of signoff.yaml."""

    project: Name
    question: str = Field(description="what is predicted, in one sentence that the business would say")
    task: Task
    target: str
    positive: str | int | float | bool | None = Field(
        None, description="the label that counts as yes, for a binary task"
    )
    data: Data
    split: Split = Split()
    search: Search = Search()
    evaluate: Evaluate = Evaluate()
    gates: Gates = Gates()
    serving: Serving = Serving()
    monitoring: Monitoring = Monitoring()
    schedule: Schedule = Schedule()
    people: dict[str, tuple[str, ...]] = Field(
        {}, description="name: its roles; anybody may act as reviewer when empty"
    )
    state: State = State()
    console: Console = Console()
    announce: Announce = Announce()

    @model_validator(mode="after")
    def _columns_have_one_role(self) -> Self:
        if self.split.kind == "time" and not self.data.time_column:
            raise ValueError("split.kind is time, so data.time_column is needed")
        if self.split.kind == "group" and not self.data.group_column:
            raise ValueError("split.kind is group, so data.group_column is needed")
        if len(self.data.sources) > 1 and not self.data.sql:
            raise ValueError("several sources need data.sql to join them")
        if self.target in (*self.data.drop, *self.data.pseudonymise, *self.data.id_columns):
            raise ValueError(f"the target {self.target!r} may not be dropped, pseudonymised or an identifier")
        return self

    def never_features(self) -> frozenset[str]:
        """Columns of the snapshot that no model may see."""
        special = (self.target, self.data.time_column, self.data.known_column, self.data.group_column)
        return frozenset({*self.data.id_columns, *self.data.pseudonymise, *(name for name in special if name)})
