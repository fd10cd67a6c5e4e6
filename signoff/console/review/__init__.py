"""The page on which a signature is given: its facts as frozen records, built from store and evidence alone."""
