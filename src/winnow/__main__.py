"""`python -m winnow`: the command `winnow`, for a checkout whose scripts are not on the path."""

from winnow.pipeline.cli import main

if __name__ == "__main__":
    main()
