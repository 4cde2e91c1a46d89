.DEFAULT_GOAL := help
.PHONY: help check format lint types test fix

help:  ## Show these targets
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

check: format lint types test  ## What a change must pass: format, lint, types, tests

format:  ## Is every file formatted?
	ruff format --check .

lint:  ## Lint
	ruff check .

types:  ## Check types
	mypy

test:  ## Tests, docstring examples and the README's code
	pytest

fix:  ## Format, and mend what the linter can mend
	ruff check --fix .
	ruff format .
