"""A stateful stand-in for Stripe over HTTP, for the demo and the tests.

It answers the calls Rounds makes, keeps its state in SQLite across kill -9, and signs webhooks like
Stripe. It was written from the documentation and proves nothing about Stripe itself.
"""
