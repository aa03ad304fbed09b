"""The bodies of durable steps: what they do is kept, and they let go of their worker to wait."""
