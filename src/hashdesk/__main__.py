"""``python -m hashdesk`` is the command line."""

from hashdesk.cli import main

if __name__ == "__main__":
    main()
