"""From a network and data to figures: predictions, metrics, intervals, calibration, baselines."""
