"""How channel labels travel through each operator: one module a family of operators."""
