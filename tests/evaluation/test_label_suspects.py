"""Labels that were made wrong are found by the predictions of a model that never learned them, and ranked first."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from percept.evaluation.label_suspects import label_suspects


def test_planted_wrong_labels_of_digits_are_among_the_first() -> None:
    pictures, truth = load_digits(return_X_y=True)
    random = np.random.default_rng(0)
    planted = random.choice(len(truth), 40, replace=False)
    labels = truth.copy()
    labels[planted] = (labels[planted] + random.integers(1, 10, 40)) % 10
    scores = cross_val_predict(LogisticRegression(max_iter=200), pictures / 16, labels, cv=3, method="predict_proba")
    found = label_suspects(labels, scores)
    assert np.isin(found[:40], planted).mean() > 0.5  # by chance it would be 0.02
    assert np.isin(planted, found).mean() > 0.5
    assert len(found) < 90  # of 1,797


def test_the_thresholds_are_the_mean_probability_of_each_class_where_it_is_the_label() -> None:
    # class 0 has 0.6 on average where it is the label, class 1 has 0.55: by hand, samples 2 and 5
    first = np.array([0.9, 0.6, 0.3, 0.2, 0.3, 0.85])
    truth = np.array([0, 0, 0, 1, 1, 1])
    assert label_suspects(truth, np.stack([first, 1 - first], axis=1)).tolist() == [5, 2]


def test_samples_that_are_predicted_as_labelled_are_no_suspects() -> None:
    scores = np.random.default_rng(0).dirichlet(np.ones(4), 200)
    assert len(label_suspects(scores.argmax(axis=1), scores)) == 0


def test_a_class_without_samples_suspects_nobody() -> None:
    scores = np.array([[0.3, 0.1, 0.6], [0.2, 0.7, 0.1]])
    assert len(label_suspects(np.array([0, 1]), scores)) == 0
