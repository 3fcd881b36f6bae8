"""From batches to weights: the loop, optimizers, schedules, stopping, checkpoints, processes."""
