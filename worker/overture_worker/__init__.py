"""The worker: Dramatiq actors that deliver chunks and apply webhook events, and the process around them."""
