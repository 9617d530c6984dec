"""Stripe: customers, prices, payment links, invoices and what comes back of them. The SDK loads where it is used."""
