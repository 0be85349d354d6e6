"""Policies: what it takes to move a version. Pure decisions over what the caller has gathered.

The store calls them inside its transactions, so nothing here reads, writes or waits.
"""
