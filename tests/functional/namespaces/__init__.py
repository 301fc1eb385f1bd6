"""Controllers on machines of their own: network namespaces behind a router that loses, delays and cuts. Needs root."""
