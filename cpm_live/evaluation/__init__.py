"""How good a model is: PCK and its relatives."""
