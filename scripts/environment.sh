# Sourced by the commands in this folder: `environment EXTRA [FILE]` makes .venv with what EXTRA of
# pyproject.toml names, and the requirements in FILE, unless it is there already. Needs Python 3.11 or newer and nothing else:
# pip comes as a wheel in vendor/, since Debian's Python may lack both pip and ensurepip.

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    say "salacia_db needs Python 3.11 or newer; set PYTHON to the path of one."
    exit 1
}

install() {
    if command -v uv >/dev/null 2>&1; then
        uv pip install --quiet --python "$venv/bin/python" "$@" && return
        say "uv could not install; trying pip."
    fi
    "$venv/bin/python" "$(echo scripts/vendor/pip-*.whl)/pip" install \
        --quiet --disable-pip-version-check --no-warn-script-location "$@"
}

environment() {
    venv=${SALACIA_VENV:-.venv}
    state="$1 $(cat pyproject.toml ${2:-} | cksum)"
    if [ "$(cat "$venv/installed-$1" 2>/dev/null)" != "$state" ]; then
        if [ ! -x "$venv/bin/python" ]; then
            python=$(find_python)
            say "Making $venv with $("$python" --version) …"
            "$python" -m venv --clear --without-pip "$venv"
        fi
        say "Installing salacia_db[$1] …"
        install -e ".[$1]" ${2:+-r "$2"}
        printf '%s' "$state" >"$venv/installed-$1"
    fi
    PATH="$(cd "$venv" && pwd)/bin:$PATH"
    export PATH
}
