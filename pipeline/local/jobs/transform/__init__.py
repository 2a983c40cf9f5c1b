"""Transform jobs: a model that is served here, and the objects that are sent to it record by record."""
