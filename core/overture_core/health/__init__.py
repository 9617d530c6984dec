"""Delivery health: bounce and complaint rates, and what follows from them."""
