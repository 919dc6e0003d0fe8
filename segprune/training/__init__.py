"""Training and recovery: recipes, objective, schedule, and the fit itself; knows no command line."""
