"""The steps that bring a database to the shape of `unmask.serve.tables`, for Alembic."""
