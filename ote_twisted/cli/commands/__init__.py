"""The commands of ``otectl``, each imported only when it is called."""
