# shellcheck shell=bash
# Where the scripts find things, how they install what is missing, and how they say that something failed. Sourced, never run.

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

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif [[ -t 0 ]]; then
        sudo -- "$@"
    else
        sudo -n -- "$@"
    fi
}

install_packages() {
    local -a packages=("$@")
    local package
    command -v apt-get >/dev/null ||
        die "missing: ${packages[*]} (by Debian's names), and there is no apt-get to install them with." \
            "Install them by hand and run this again."
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        die "missing: ${packages[*]}, and without root or sudo that cannot be installed from here." \
            "As root: apt-get update && apt-get install --no-install-recommends ${packages[*]}"
    fi

    echo "installing from Debian's packages: ${packages[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 "${packages[@]}" >/dev/null
    for package in nginx haproxy docker-registry; do
        if [[ " ${packages[*]} " == *" $package "* && -d /run/systemd/system ]]; then
            echo "Debian starts $package as a service when it installs it; that one is not used here."
            echo "To be rid of it: systemctl disable --now $package"
        fi
    done
}

missing_python() {
    if ! command -v python3 >/dev/null; then
        printf '%s\n' python3 python3-venv
    elif ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        printf '%s\n' python3-venv
    fi
}

# make_venv FOLDER REQUIREMENTS: unless it is there already. The list that a complete environment was made from is kept in
# it, so that an interrupted or outdated one is made anew.
make_venv() {
    if [[ -x $1/bin/python ]] && cmp -s "$2" "$1/requirements.txt"; then
        return
    fi
    echo "installing the Python packages of ${2#"$root"/} into ${1#"$root"/}"
    python3 -m venv --clear "$1"
    "$1/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --no-deps -r "$2"
    cp -- "$2" "$1/requirements.txt"
}

# make_node FOLDER PACKAGE_JSON: in the same way. Fails where npm does.
make_node() {
    if cmp -s "$2" "$1/complete.json"; then
        return
    fi
    echo "installing the npm packages of ${2#"$root"/} into ${1#"$root"/}"
    rm -rf -- "$1"
    mkdir -p -- "$1"
    cp -- "$2" "$1/package.json"
    npm install --prefix "$1" --no-package-lock --ignore-scripts --no-audit --no-fund --silent || return
    cp -- "$2" "$1/complete.json"
}

# The build of abide to test: the one that is named, else $ABIDE, else the newer of those in the target folder.
find_abide() {
    local abide=${1:-${ABIDE:-}} binary
    if [[ -z $abide ]]; then
        # CARGO_TARGET_DIR may be relative, and cargo is run from the root.
        for binary in "${CARGO_TARGET_DIR:-$root/target}"/{debug,release}/abide; do
            binary=$(cd -- "$root" && realpath -m -- "$binary")
            if [[ -x $binary && (-z $abide || $binary -nt $abide) ]]; then
                abide=$binary
            fi
        done
        [[ -n $abide ]] || die "abide has not been built." "Build it: cargo build"
    elif [[ ! -x $abide ]]; then
        die "there is no program '$abide' to test."
    fi
    realpath -- "$abide"
}
