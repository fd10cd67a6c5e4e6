"""Who hears of reviews, and how."""
