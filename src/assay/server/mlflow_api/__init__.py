"""MLflow's REST API over Assay's store: one file of routes per resource, wire structs beside
them.
"""
