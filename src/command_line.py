"""What every script does around its work; imported before anything else.

On import the arithmetic is settled (``gradient_atlas.arithmetic``): nothing is computed without.
Around the work there is one clear line for an error that the user can mend.
"""

import sys
from collections.abc import Callable

from gradient_atlas import arithmetic
from gradient_atlas.errors import InputError

try:
    arithmetic.pin()
except InputError as problem:
    sys.exit(f"error: {problem}")


def run_script(main: Callable[[], None]) -> None:
    """Run ``main`` and exit: status 1 and one line on stderr for an ``InputError``."""
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
