"""The review console: pages for people, the same facts as JSON for scripts."""
