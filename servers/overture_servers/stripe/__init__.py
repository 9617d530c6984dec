"""The Stripe server: asking leads for money, and what they paid."""
