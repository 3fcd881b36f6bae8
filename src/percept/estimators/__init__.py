"""The scikit-learn face: estimators that a scikit-learn user can put in by changing the import line."""
