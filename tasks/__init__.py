"""One file a stage: the plain stage function; its Prefect coat stands in coats.py."""
