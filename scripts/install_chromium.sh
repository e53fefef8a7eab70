#!/bin/sh
# Put Chromium where tests in a browser find it. Says nothing where it is there already; never fails.
#
# Installed only by root with apt, on Debian and what descends from it. Ubuntu's package of this name is no browser but
# asks for a snap, which containers do not have.
set -u

skipped() {
    echo "note: $1; tests in a browser are skipped (install Chromium, or name it in NEUROONCO_TEST_CHROMIUM)" >&2
    exit 0
}

for name in "${NEUROONCO_TEST_CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
    # What is named and not there is not replaced by another.
    [ -z "$name" ] || [ "$name" != "${NEUROONCO_TEST_CHROMIUM:-}" ] || skipped "NEUROONCO_TEST_CHROMIUM names no program"
done

command -v apt-get >/dev/null 2>&1 || skipped "no Chromium here, and no apt to install it"
[ "$(id -u)" = 0 ] || skipped "no Chromium here, and only root may install it"

export DEBIAN_FRONTEND=noninteractive
apt() {
    apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30 "$@" >/dev/null 2>&1
}
version() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *//p'
}

case $(version chromium) in "" | "(none)") apt update || true ;; esac
case $(version chromium)/$(version chromium-browser) in
    *snap*) skipped "no Chromium here, and apt has only Ubuntu's stand-in for a snap" ;;
    /* | "(none)"/*) skipped "no Chromium here, and apt has none" ;;
esac
# A list of packages that is out of date names files that are gone.
apt install -y --no-install-recommends chromium || { apt update && apt install -y --no-install-recommends chromium; } ||
    skipped "Chromium could not be installed"
