"""`python -m percept`, the same command: what torchrun starts in each of its processes."""

from percept.cli.main import run

if __name__ == "__main__":
    run()
