"""``python -m cpm_live``: the command line where its script is not on the path."""

from cpm_live.cli.main import main

if __name__ == "__main__":
    main()
