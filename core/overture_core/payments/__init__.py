"""Payments: what leads paid, and what that ends."""
