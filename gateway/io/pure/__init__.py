"""The wire on asyncio transports, for where no compiler was: same contract and tests as `gateway.io.compiled`."""
