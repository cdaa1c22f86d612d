#!/bin/sh
# A plug-in of policymux: mail waits while the disk is full.
#   disk-full.sh DIRECTORY PERCENT
directory=$1 most=$2

while IFS= read -r line; do
  [ -n "$line" ] && continue # this rule needs no attribute; the empty line ends a request
  used=$(df --output=pcent "$directory") || exit 1
  used=${used##*[!0-9%]}
  if [ "${used%\%}" -ge "$most" ]; then
    printf 'action=DEFER 4.3.1 No space left\n\n'
  else
    printf 'action=DUNNO\n\n'
  fi
done
