"""Train a network and write its weights with their contract (needs the extra `train`)."""

from unmask.app.extras import extra_of
from unmask.app.progress import busy
from unmask.app.train_options import TrainOptions


def train(options: TrainOptions) -> int:
    """Trains, and names the files that came of it."""
    with busy("loading torch"), extra_of("train"):
        from unmask.app.training_runs import train_all
    return train_all(options)
