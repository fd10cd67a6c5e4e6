"""Great Expectations: propose, store, run, explain."""
