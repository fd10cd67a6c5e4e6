"""What each command does; signoff.cli only names them."""
