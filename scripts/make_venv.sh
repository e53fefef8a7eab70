#!/bin/sh
# Make a virtual environment with a pip that knows current wheels, also where Debian's python3 lacks ensurepip.
# usage: make_venv.sh PYTHON FOLDER
set -u
python=$1
folder=$2

fail() {
    echo "error[PREREQUISITE]: $1; fix: $2" >&2
    exit 4
}

command -v "$python" >/dev/null 2>&1 ||
    fail "no $python" "apt-get install python3 python3-venv, or: make PYTHON=/path/to/python3.11 ..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version 2>&1) is too old, 3.11 or newer is needed" "make PYTHON=/path/to/python3.11 ..."

# 1. The standard way. 2. virtualenv, if it is there. 3. Without ensurepip: a bare environment, and pip from the index.
if "$python" -m venv --clear "$folder" >/dev/null 2>&1; then
    :
elif "$python" -m virtualenv --quiet "$folder" >/dev/null 2>&1; then
    :
elif "$python" -m venv --clear --without-pip "$folder" >/dev/null 2>&1 &&
    "$python" "$(dirname "$0")/fetch_pip.py" "$folder" 2>/dev/null; then
    :
else
    rm -rf "$folder"
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    fail "this Python cannot make a virtual environment (no ensurepip, no virtualenv, no index to fetch pip from)" \
        "sudo apt-get install python3-venv  (or python$version-venv)"
fi
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade pip ||
    fail "pip could not be upgraded" "check the network or pip's configuration"
