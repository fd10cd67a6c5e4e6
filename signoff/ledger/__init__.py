"""Keys, signatures, the hash chain and its verification."""
