"""What a campaign would do: the worker's own engine on a copy, under a clock that jumps, with the sandbox."""
