"""Windows of traffic against the champion's training data: drift, performance, alerts (Evidently's home)."""
