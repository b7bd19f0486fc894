"""The event log as merchants and wallets read it: by polling, and as a stream."""
