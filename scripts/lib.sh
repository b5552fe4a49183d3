# shellcheck shell=bash
# Where the scripts find things, and how they say that something failed. Sourced, never run.

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
# Used by the scripts that source this file.
# shellcheck disable=SC2034
venv=$root/target/venv

die() {
    printf 'scripts/%s: %s\n' "$(basename -- "$0")" "$1" >&2
    shift
    if (($# > 0)); then
        printf '  %s\n' "$@" >&2
    fi
    exit 1
}

# Debian keeps nginx in /usr/sbin, which is not on the PATH of an ordinary user.
nginx_binary() {
    PATH=$PATH:/usr/local/sbin:/usr/sbin command -v nginx
}
