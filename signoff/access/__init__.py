"""Who may use Signoff, and how they prove who they are."""
