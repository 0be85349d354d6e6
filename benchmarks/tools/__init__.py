"""The trackers that are compared, each behind the same four functions; run in an environment of
its own.

``start(folder, url)`` opens a run that logs into ``folder`` or to the server at ``url``;
``log(values, step)`` logs
numbers; ``log_one(key, value, step)`` one number; ``finish()`` returns once all of it is durable
where it belongs.
"""
