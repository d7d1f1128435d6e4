"""The store in Redis, Valkey or a cluster of them: `store` and what it is made of, its scripts in `lua`, and in `client` the
way to the servers, which knows nothing of either."""
