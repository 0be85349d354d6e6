"""Webhooks: telling other programs what happened in the registry, over HTTPS.

What is told is written by the store, in the transaction of the change (an ``Outbox``); this room
knows where a message may go, how it looks and is signed, how it is sent, and when it is tried
again. A message arrives at least once: its id stays the same, so a receiver can drop a repeat.
"""
