"""Contract tests: what every implementation of an interface keeps."""
