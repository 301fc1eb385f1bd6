"""The selector language and the index it is answered from. Pure."""
