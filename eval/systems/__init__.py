"""Systems under test: each takes a case and answers, for every question, which pieces it would place."""
