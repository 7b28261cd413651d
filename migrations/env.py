"""Run by Alembic for every migration: over the connection, inside the transaction and under the lock of `tokenry migrate`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
