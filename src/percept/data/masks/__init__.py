"""Masks: a class for every pixel, read from the files that people have, whatever their form."""
