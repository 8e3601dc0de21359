"""A Flower app whose server selects and pays, and whose clients decide by costs of their own."""
