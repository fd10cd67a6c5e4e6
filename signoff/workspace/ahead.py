"""Imported in a spare moment: what DVC would load at its first question, 0.6 s of a run."""

import dulwich.worktree  # noqa: F401
import dvc.api  # noqa: F401
import dvc.cachemgr  # noqa: F401
import dvc.repo.commit  # noqa: F401
import dvc.repo.plots  # noqa: F401
import dvc.repo.stage  # noqa: F401
