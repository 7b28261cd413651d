"""What is reported of the running service. Nothing here ever sees a secret: events are made of named facts, never of requests."""

from app.telemetry.journal import Event, HumanJournal, Journal, JsonJournal, next_request_id

__all__ = ["Event", "HumanJournal", "Journal", "JsonJournal", "next_request_id"]
