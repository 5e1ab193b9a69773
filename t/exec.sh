#!/bin/sh
# How prove runs one test file.
case $1 in
*/fuzz/run.sh) exec "$1" "$BUILD/fuzz" 3 ;;
*.mjs) exec "$(ls local/node_modules/node-linux-*/bin/node | head -n 1)" "$@" ;;
*.t)   exec perl -It/lib "$@" ;;
*)     exec "$@" ;;
esac
