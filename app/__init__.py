"""Tokenry: an OAuth 2.0 authorization server that speaks every partner's dialect over one strict core."""

__version__ = "0.1.0"
