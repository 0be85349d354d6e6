"""Sources: where projects come from: folders, Git repositories, ZIP archives, files of runs."""
