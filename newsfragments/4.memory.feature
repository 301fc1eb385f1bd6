A site controller takes less memory: what a site at rest does not use, of libraries and of its own, is imported when it is first used (docs/benchmarks.md, B7).
