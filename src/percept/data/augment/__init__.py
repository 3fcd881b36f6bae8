"""New training pictures from those that are there: moves composed into one map, values changed, patches laid over."""
