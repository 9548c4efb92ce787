# Two commands do everything on a machine with Python >= 3.10, make and git: `make demo` and `make test`.
UV ?= $(shell command -v uv 2>/dev/null || echo .venv-uv/bin/uv)
RUN = $(UV) run --no-sync

.PHONY: demo test lint sync format chromium typescript comfy

.venv-uv/bin/uv:
	python3 -m venv .venv-uv
	.venv-uv/bin/python -m pip install --quiet --disable-pip-version-check uv

sync: $(if $(findstring .venv-uv,$(UV)),.venv-uv/bin/uv)
	$(UV) sync --quiet --locked --all-extras

test: lint chromium typescript
	$(RUN) pytest

chromium: sync
	@$(RUN) python tests/browser.py >/dev/null

typescript:
	@test -x node_modules/.bin/tsc || npm install --silent --no-save --no-audit typescript@5.9.3 2>/dev/null \
		|| echo "TypeScript cannot be had: the types of the review page are not checked"

lint: sync
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports

format: sync
	$(RUN) ruff check --fix .
	$(RUN) ruff format .
	$(RUN) python docs/make_cli_reference.py

demo: sync
	$(RUN) python examples/demo.py

comfy:  # what the registry of ComfyUI asks of a pack; in an environment of its own
	$(UV) run --quiet --isolated --only-group comfy comfy --skip-prompt --no-enable-telemetry node validate
