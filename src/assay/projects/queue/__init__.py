"""Queue: launches that wait on a server, and the agents that carry them out."""
