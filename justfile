# `just` alone lists the verbs. `.ci/run` does the work, so that a verb does the same here and in CI.

_list:
    @just --list --unsorted

# Everything that has to hold before a change counts.
check:
    .ci/run

# The tests, with the judges and stores of others where they are installed.
test:
    .ci/run test

# Formatting, clippy, proto files, words.
lint:
    .ci/run words format proto lint

# Licences, bans, advisories.
deny:
    .ci/run deny

# Packs of real clusters before independent judges.
packs:
    .ci/run packs

# The pictures of the portal in docs/portal, made again from audits of the examples.
screenshots:
    HEXPROOF_PICTURES=1 cargo test -p hexproof --test portal pictures

# Installs what the checks need beside Rust.
tools:
    .ci/run tools

# Formats Rust and proto files.
format:
    cargo fmt --all
    buf format --write proto

# Audits an example, or any other input.
audit input="examples/weak-shop":
    cargo run --release -- audit {{input}}
