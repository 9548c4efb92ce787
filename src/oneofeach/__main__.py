"""`python -m oneofeach`: the command line."""

from oneofeach.apps.cli import main

if __name__ == "__main__":
    main()
