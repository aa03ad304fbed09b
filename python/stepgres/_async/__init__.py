"""What talks to Postgres, written once for asyncio; _sync is generated from it."""
