"""The catalogue's resources: the APIs that access tokens are for."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from app.models import Resource
from app.storage._shelf import Shelf, first


class Resources(Shelf):
    """Resources by their URIs."""

    def resource(self, uri: str) -> Resource | None:
        """Return a resource."""
        return first(self._rows.find(Resource, uri=uri))

    def resources(self) -> list[Resource]:
        """Return all resources by their URIs."""
        return self._rows.find(Resource, order_by=["uri"])

    def resources_among(self, uris: Collection[str]) -> Mapping[str, Resource]:
        """Return the resources of these URIs that are there."""
        return {resource.uri: resource for resource in self._rows.find(Resource, uri=list(uris))} if uris else {}

    def put_resource(self, resource: Resource) -> Resource:
        """Store a resource, new or changed, and return it as stored; the clients that ask for it are known to have changed."""
        there = self.resource(resource.uri)
        now = self._clock.now()
        stored = replace(resource, created_at=there.created_at if there else now, updated_at=now)
        self._put(stored, uri=stored.uri)
        for client_id in {stored.introspection_client, there.introspection_client if there else None} - {None}:
            self._client_changed(str(client_id))
        return stored
