"""Configuration of every program: model, loading, and errors that name the place."""
