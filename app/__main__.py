"""``python -m app`` is the ``tokenry`` command."""

import gc
import sys


def main() -> None:
    """Run the command, or say how to get what it needs.

    The garbage collector rests while modules are imported, which takes a tenth off the start; whoever serves wakes it.
    """
    gc.disable()
    try:
        from app.cli import main as run

        run()
    except ModuleNotFoundError as error:
        if (error.name or "app").partition(".")[0] == "app":
            raise
        sys.stderr.write(f"tokenry: {error.name} is not installed in this Python: run: make setup (then .venv/bin/python -m app)\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
