"""`python -m halfopen`."""

from halfopen.cli import main

if __name__ == "__main__":
    main()
