"""One file that proves a release to anybody, and its verification."""
