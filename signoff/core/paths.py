"""Where everything stands in a workspace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """The named places of the workspace at `root`."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / "signoff.yaml"

    @property
    def run(self) -> Path:
        return self.root / "run.yaml"

    @property
    def features(self) -> Path:
        return self.root / "features.yaml"

    @property
    def state(self) -> Path:
        """Databases, keys, locks, logs: never in git."""
        return self.root / ".signoff"

    @property
    def runs(self) -> Path:
        """One log a run, of the last runs: RUN_ID.jsonl."""
        return self.state / "runs"

    @property
    def raw(self) -> Path:
        return self.root / "data" / "raw.parquet"

    @property
    def snapshot(self) -> Path:
        return self.root / "data" / "snapshot.json"

    @property
    def train(self) -> Path:
        return self.root / "data" / "train.parquet"

    @property
    def holdout(self) -> Path:
        return self.root / "data" / "holdout.parquet"

    def suite(self, project: str) -> Path:
        return self.root / "expectations" / f"{project}.json"

    @property
    def validation(self) -> Path:
        return self.root / "reports" / "validation.json"

    @property
    def data_docs(self) -> Path:
        return self.root / "reports" / "data_docs"

    @property
    def profile(self) -> Path:
        return self.root / "reports" / "profile.json"

    @property
    def recipe(self) -> Path:
        return self.root / "artifacts" / "recipe.json"

    @property
    def leaderboard(self) -> Path:
        return self.root / "reports" / "leaderboard.json"

    @property
    def model(self) -> Path:
        """Folder of the fitted model: model.bin and model.json."""
        return self.root / "artifacts" / "model"

    @property
    def evidence(self) -> Path:
        return self.root / "reports" / "evidence.json"

    @property
    def metrics(self) -> Path:
        return self.root / "reports" / "metrics.json"

    @property
    def plots(self) -> Path:
        return self.root / "reports" / "plots"

    @property
    def dossier(self) -> Path:
        return self.root / "reports" / "dossier.html"

    @property
    def model_card(self) -> Path:
        return self.root / "reports" / "model_card.md"

    @property
    def candidate(self) -> Path:
        return self.root / "reports" / "candidate.json"

    @property
    def decisions(self) -> Path:
        return self.root / "decisions"

    @property
    def release_decision(self) -> Path:
        return self.decisions / "release.json"

    @property
    def public_keys(self) -> Path:
        return self.decisions / "keys"

    @property
    def bento(self) -> Path:
        """Folder of the packaged, servable model."""
        return self.root / "artifacts" / "bento"

    @property
    def champion(self) -> Path:
        """What answers now: a copy of the released bento, outside DVC so that a new candidate cannot touch it."""
        return self.state / "champion"

    @property
    def predictions(self) -> Path:
        """JSON lines of served predictions, one file a day and process."""
        return self.state / "predictions"

    @property
    def outcomes(self) -> Path:
        """What came true, by prediction id: Parquet files written by `signoff feedback`."""
        return self.state / "outcomes"

    @property
    def monitoring(self) -> Path:
        """One folder a window: window.json and report.html."""
        return self.root / "reports" / "monitoring"
