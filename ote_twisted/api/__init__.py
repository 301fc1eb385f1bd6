"""The API in Kubernetes' shape that every controller serves."""
