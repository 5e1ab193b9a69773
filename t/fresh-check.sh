#!/bin/sh
# Runs the README's two commands in a new Debian 12 root that has git, make and
# nothing else of ours: a green run on a used machine can hide a missing
# install step.  Tests HEAD, not the work tree.
set -eu
cd "$(dirname "$0")/.."
. t/fresh-root.sh
enter_namespace t/fresh-check.sh "$@"
new_root fresh-check make,ca-certificates

mkdir "$root/project"
git archive HEAD | tar -x -C "$root/project"

for target in demo test; do
    began=$(date +%s)
    chroot "$root" env HOME=/root make -C /project "$target"
    echo "fresh-check: make $target took $(($(date +%s) - began)) s"
done
echo "fresh-check: both commands are green"
