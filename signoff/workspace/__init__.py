"""git and DVC: stage status, commits, tags, push and pull, the run lock."""
