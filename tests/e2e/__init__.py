"""The whole product against a real cluster, real registries and real tools; only github.com is a stand-in."""
