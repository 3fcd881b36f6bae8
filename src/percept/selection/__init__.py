"""Choosing honestly: candidates compared by cross-validation, and the error of the whole choice by a loop around it."""
