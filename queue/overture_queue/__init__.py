"""Jobs between processes: what they say, the broker that carries them, and the embedded Redis."""
