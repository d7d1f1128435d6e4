"""The store in Redis, Valkey or a cluster of them.

`shards` is the door to the servers: it runs a script where a tag's keys live. Below it, `node` keeps one server
connected and decides what may be asked again, `connection` carries calls on one socket, `dialing` opens it.
"""
