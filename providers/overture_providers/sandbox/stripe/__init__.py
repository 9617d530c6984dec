"""The sandbox's Stripe: what Overture uses of its API, stateful, in the shapes of stripe-python's own types."""
