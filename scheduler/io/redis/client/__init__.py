"""The way to the servers, which knows nothing of what is kept there.

`shards` is the door: it runs a script where a tag's keys live. Behind it, `servers` and `cluster` know who has what,
`node` keeps one server connected and decides what may be asked again, `connection` carries calls on one socket,
`dialing` opens it, `listening` hears what is published.
"""
