"""HTTP as both servers speak it: errors, hosts, bodies, headers, and uvicorn's protocol."""
