"""The review console."""
