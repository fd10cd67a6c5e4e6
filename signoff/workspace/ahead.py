"""Imported in a spare moment: what DVC would load at its first question, 0.6 s of a run."""

import dulwich.worktree  # noqa: F401
import dvc.api
import dvc.cachemgr
import dvc.repo.commit
import dvc.repo.plots
import dvc.repo.stage  # noqa: F401
