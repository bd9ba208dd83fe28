"""`python -m lithops`: the command line, where its script is not on the path."""

from __future__ import annotations

from lithops.cli.main import main

if __name__ == "__main__":
    main()
