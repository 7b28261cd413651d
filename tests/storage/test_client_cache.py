"""The bounds of the client cache; that it is never stale is the conformance suite's."""

from app.storage._clients import ClientCache
from tests.storage.records import a_client


def test_cache_drops_the_client_that_came_first() -> None:
    cache = ClientCache(limit=2)
    for name in ("a", "b", "a", "c"):
        cache.keep(a_client(name, version=1))
    assert [cache.find(name, 1) is not None for name in "abc"] == [True, False, True]


def test_cache_knows_a_client_in_one_version_only() -> None:
    cache = ClientCache()
    cache.keep(a_client(version=1))
    cache.keep(a_client(version=2))
    assert cache.find("client", 1) is None
    assert cache.find("client", 2) is not None
    assert cache.find("other", 2) is None
