"""What happens to every request before its route: hosts, origins, bodies, compression, headers."""
