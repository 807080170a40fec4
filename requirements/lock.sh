#!/bin/sh
# Writes one lock per image, and one for developing, from the pins in pyproject.toml. Run by `make locks`.
set -eu
cd "$(dirname "$0")/.."

lock() { # NAME ARGUMENT...
    name=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url \
        --custom-compile-command 'make locks' --output-file "requirements/$name.txt" "$@" pyproject.toml
}

lock dev --all-extras --group dev

# What is tested together goes into the images together.
lock operator --extra operator --constraint requirements/dev.txt
lock panel --extra panel --constraint requirements/dev.txt
lock gateway --extra gateway --constraint requirements/dev.txt
lock algorithm --extra algorithm --constraint requirements/dev.txt
lock paper-exchange --extra paper --constraint requirements/dev.txt
lock migrations --extra db --constraint requirements/dev.txt
