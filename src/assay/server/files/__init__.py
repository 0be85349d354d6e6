"""Files of runs and models as pages show them: trees, pieces, tables, headers, figures, archives.

Functions over an ``ArtifactStore``; the routes are in ``assay_api.run_files`` and
``assay_api.file_views``. All content is hostile: it is bounded before it is read, parsed by readers
that execute nothing, and never handed to a browser as a page of ours.
"""
