"""`python -m bohpo` is `bohpo`."""

from bohpo.cli import main

if __name__ == "__main__":
    main()
