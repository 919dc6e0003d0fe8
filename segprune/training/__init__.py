"""Training and recovery: recipes, objective, schedule and the fit; knows no command line."""
