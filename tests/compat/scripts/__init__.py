"""Programs as users have them, run unchanged in a process of their own."""
