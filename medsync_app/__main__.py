"""`python -m medsync_app <command>`."""

import sys

from medsync_app.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
