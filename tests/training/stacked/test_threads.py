"""Threads: training goes on in a process that was forked off one whose torch had threads."""

import os
import subprocess
import sys

import pytest

from percept.training.stacked.threads import forked

SCRIPT = """
import multiprocessing, warnings
import numpy as np
import torch
from percept import MLPClassifier
warnings.simplefilter("ignore")
X = np.random.default_rng(0).normal(size=(2000, 64))
y = X[:, 0] > 0
def score(seed):
    model = MLPClassifier(64, activation="elu", max_iter=2, random_state=seed)  # not for the kernel
    return model.fit(X, y).score(X, y)
torch.set_num_threads(2)
here = score(0)
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(score, [0, 0]) == [here, here]
assert torch.get_num_threads() == 2
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_processes_train_where_the_first_one_has_trained() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=120, env=os.environ | {"OMP_NUM_THREADS": "2"})


def test_a_process_of_its_own_is_not_forked() -> None:
    assert not forked()
