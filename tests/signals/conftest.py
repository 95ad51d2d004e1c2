"""The generator and the judge stand beside the tests, as plain modules."""

import sys
from pathlib import Path

HERE = Path(__file__).parent

if str(HERE) not in sys.path:
    sys.path.append(str(HERE))
