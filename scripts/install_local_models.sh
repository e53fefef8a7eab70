#!/bin/sh
# Put the extra `train` into a development environment, with the build of torch for the CPU (0.2 GB instead of several).
# usage: install_local_models.sh PYTHON_OF_THE_ENVIRONMENT
#
# torch stands in no lock file: a locked CPU build would take the GPU from those who have one. Whatever torch is there
# already is kept, also one that is too old for the extra, or cannot be imported. The exit status is 1, with one line
# that says so, where the extra cannot be had.
set -u
python=$1
torch=2.13.0
cpu_index=https://download.pytorch.org/whl/cpu
cd "$(dirname "$0")/.." || exit 1

# The suffix makes sure of the CPU build on Linux; elsewhere the package index has no other.
case $(uname -s) in Linux) wanted=torch==$torch+cpu ;; *) wanted=torch==$torch ;; esac
# Asked of what is installed and not by importing it: a build for a GPU may not load here.
there=$("$python" -c 'from importlib.metadata import version; print(version("torch"))' 2>/dev/null)
if [ -n "$there" ]; then
    wanted=torch==$there
fi

install() {
    "$python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 30 -c constraints.txt \
        "$@" "$wanted" -e '.[train]'
}

# First from pip's own sources, such as a folder of wheels, and then from PyTorch's.
install 2>/dev/null || install --extra-index-url "$cpu_index" || {
    echo "note: the extra 'train' with $wanted cannot be installed; tests of local models are skipped" >&2
    exit 1
}
