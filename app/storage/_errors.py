"""Why a database cannot be used: errors of the start, each one plain sentence that says what to do."""


class DatabaseUnusable(Exception):  # noqa: N818 (a state, not an error of the program)
    """There is no usable database at this address. The message is one sentence for the operator and holds no secret."""


class SchemaOutdated(DatabaseUnusable):
    """The schema is of an earlier version of the program."""


class SchemaNewer(DatabaseUnusable):
    """The schema is of a later version of the program, or of another program."""
