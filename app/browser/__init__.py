"""What only browsers need. Pages are rendered from views: everything a page shows comes in as a frozen dataclass."""
