"""Rounds: a marketplace for U.S. clinical experience."""
