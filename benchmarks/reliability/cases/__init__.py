"""One promise a file: ``CLAIM`` in words, ``run(short)`` tries it."""
