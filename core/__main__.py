"""`python -m core`: the suite on the command line."""

import sys

from core.cli import main

sys.exit(main())
