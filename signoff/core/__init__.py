"""Records, policies, digests, errors and settings: what every part may know, and nothing that needs a tool."""
