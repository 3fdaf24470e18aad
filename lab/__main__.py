"""Run the lab's commands as `python -m lab`."""

from lab.cli import main

if __name__ == "__main__":
    main()
