"""One scenario a file: ``python FILE TOOL FOLDER [URL]`` prints its figures as one JSON object."""
