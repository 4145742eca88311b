# setup: everything a developer needs; demo: the core only, as a user has it; check: all that a change must pass.
VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= python3
UV     ?= $(shell command -v uv 2>/dev/null)
JOBS   ?= 2

# uv is quicker where it exists; pip reads a user's own index and proxy settings, so it has the last word.
uv_install = $(if $(UV),UV_FIND_LINKS="$$PIP_FIND_LINKS" $(UV) pip install -q --python $(BIN)/python -c constraints.txt $(1),false)
pip_install = $(BIN)/python -m pip install -q -c constraints.txt $(1)
install = $(call uv_install,$(1)) || $(call pip_install,$(1))

.PHONY: setup demo test check check-gpu beside libraries lowest newest package format core deploy docs bench web clean

setup: $(VENV)/.dev

# One thread a worker: several threads on a shared core are slower than one. Bytecode is kept, also where the environment
# says otherwise: tests start hundreds of processes, and each would compile the package anew. A worker without work takes
# half of what another one still has: some files take as long as all others. `make test PYTEST=` runs the slow ones, too.
PYTEST ?= -m "not slow"
TESTING := OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=
test: $(VENV)/.dev
	$(TESTING) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(PYTEST)

# The core install is enough here, so that those who only want verdicts never download torch.
demo: $(VENV)/.core
	$(BIN)/unmask demo --out out/demo

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(MAKE) test PYTEST="--cov --cov-report=term"
	$(MAKE) core deploy
	UNMASK_SLOW_TESTS=ray,browser $(TESTING) \
		$(BIN)/python -m pytest tests/serve/test_ray.py tests/serve/test_camera_page.py \
		tests/serve/test_light_page.py tests/serve/test_head_page.py tests/serve/test_login_example.py

# The whole check of a GPU or NPU; one sentence where there is none. For CUDA put onnxruntime-gpu in the place of
# onnxruntime first: pip uninstall onnxruntime && pip install onnxruntime-gpu
check-gpu: $(VENV)/.dev
	$(BIN)/python scripts/check_gpu.py

# Each library of docs/adapters.md in an environment of its own: the recipes and adapters with the library itself.
beside: beside-uniface beside-insightface beside-face_recognition beside-deepface
beside-uniface: LIBRARIES = uniface supervision onnxruntime
beside-insightface: LIBRARIES = insightface onnxruntime
beside-face_recognition: LIBRARIES = dlib-bin face_recognition_models "setuptools<81" click
beside-face_recognition: ALONE = --no-deps face_recognition
beside-deepface: LIBRARIES = deepface tf-keras flask flask-cors dlib-bin face_recognition_models
beside-%:
	$(MAKE) VENV=build/$@ LIBRARIES='$(LIBRARIES)' ALONE='$(ALONE)' libraries
libraries: $(VENV)/.core
	$(call install,pytest pytest-xdist scikit-image numba $(LIBRARIES))
	$(if $(ALONE),$(call install,$(ALONE)))
	$(TESTING) $(BIN)/python -m pytest tests/adapters -rs

# The fast tests with the lowest versions that pyproject.toml allows, and with the newest, on each Python of PYTHONS. uv alone
# resolves to the lowest; wheels only, since nobody builds a numpy. What old libraries warn of is no error here. Of a Python
# for which the index has no wheel of a lowest version uv takes the next one that has.
EXTRAS = simulate,train,data,scale,report,search,serve,dev
BOUNDED ?= tests/media tests/metrics tests/scores tests/detector tests/evaluation tests/data
lowest: RESOLUTION = lowest-direct
newest: RESOLUTION = highest
lowest newest:
	$(if $(UV),,$(error uv is not on the path: python3 -m pip install uv))
	for python in $(PYTHONS); do \
		folder=build/$@-$$(basename $$python); \
		$(UV) venv -q --clear --python $$python $$folder \
		&& UV_FIND_LINKS="$$PIP_FIND_LINKS" $(UV) pip install -q --python $$folder/bin/python --resolution $(RESOLUTION) \
			--only-binary :all: --no-binary unmask -e ".[$(EXTRAS)]" \
		&& $$folder/bin/unmask assets \
		&& $(TESTING) $$folder/bin/python -m pytest -n $(JOBS) --dist worksteal -m "not slow" \
			-W ignore $(BOUNDED) || exit 1; \
	done

# The wheel and the source archive, read by the index's own checkers; the wheel runs the demo in a clean environment of each Python.
PYTHONS ?= $(PYTHON)
package: build/package-tools/.there
	rm -rf dist
	build/package-tools/bin/python -m build --outdir dist .
	build/package-tools/bin/twine check --strict dist/*
	build/package-tools/bin/check-wheel-contents dist/*.whl
	for python in $(PYTHONS); do \
		rm -rf build/clean && $$python -m venv build/clean \
		&& build/clean/bin/python -m pip install -q dist/*.whl \
		&& build/clean/bin/unmask demo --out build/clean/demo || exit 1; \
	done

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Installs the core alone, beside the developer's environment, and runs the demo in it: no torch may be needed.
core:
	$(MAKE) VENV=build/core-venv build/core-venv/.core
	! build/core-venv/bin/python -c "import torch" 2>/dev/null
	build/core-venv/bin/unmask demo --out build/core-demo

# The steps of deploy/Dockerfile, in a clean folder; then the service answers there.
deploy:
	rm -rf build/deploy
	sh deploy/install.sh build/deploy
	sh deploy/answers.sh build/deploy

# The site, in build/site; what mkdocs says of its own future is no warning of ours.
docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 OMP_NUM_THREADS=1 $(BIN)/mkdocs build --strict

# The camera page, checked and built into the package; needs node, which nobody else does.
web:
	cd web && npm ci && npm run check && npm run build

# Speed in one table, half an hour on two idle cores; UNMASK_MINIFASNET=FOLDER puts Silent-Face's networks beside it.
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

clean:
	rm -rf build dist out

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

build/package-tools/.there:
	$(PYTHON) -m venv build/package-tools
	build/package-tools/bin/python -m pip install -q build twine check-wheel-contents
	touch $@

$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,-e .)
	$(BIN)/unmask assets
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(call install,-e ".[simulate$(comma)train$(comma)data$(comma)scale$(comma)report$(comma)search$(comma)serve$(comma)docs$(comma)dev]")
	$(BIN)/unmask assets
	touch $@ $(VENV)/.core

comma := ,
