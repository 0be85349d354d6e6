"""What a run captures by itself: source, version control, packages, machine, output, system load.

Nothing here knows runs or stores: functions return facts, and ``assay.fluent`` sends them on. All
of it may be slow or fail (no git, no GPU driver, a deleted working directory), so it is called off
the hot path, and a fact that can't be had is left out.
"""
