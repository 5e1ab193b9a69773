#!/bin/sh
# How prove runs one test file: whatever hangs is ended and has failed.
limit='timeout -k 10 300'
case $1 in
*/fuzz/run.sh) exec $limit "$1" "$BUILD/fuzz" 3 ;;
*.mjs) exec $limit "$(ls local/node_modules/node-linux-*/bin/node | head -n 1)" "$@" ;;
*.t)   exec $limit perl -It/lib "$@" ;;
*)     exec $limit "$@" ;;
esac
