#!/usr/bin/env bash
# What the tests of WebGPU and of browsers need besides npm: Chromium, and a software Vulkan driver (lavapipe) that Dawn
# takes. Leaves alone what is there. Debian and Ubuntu, as root.
# With --simulate nothing is written or installed; apt says what would be, as on a machine that has neither.
set -euo pipefail

mode=${1:-}
# Mesa 22 of Debian 12 lacks what Dawn asks for
oldest_mesa=24
backports=bookworm-backports
export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -o Acquire::Retries=3)
[ "$mode" != --simulate ] || apt=(apt-get --simulate -o Dir::State::status=/dev/null)

has() {
  local version
  [ "$mode" != --simulate ] || return 1
  version=$(dpkg-query -W -f '${Version}' "$1" 2>/dev/null) && dpkg --compare-versions "$version" ge "$2"
}

install() {
  "${apt[@]}" install -y --no-install-recommends "$@"
}

# Adds the backports of this machine's own mirror, which its sources name in one format or the other.
add_backports() {
  local files mirror
  files=$(find /etc/apt -name '*.list' -o -name '*.sources')
  # shellcheck disable=SC2086 # names without spaces
  if grep -qsE "^[^#]*\b$backports\b" $files; then return; fi
  # shellcheck disable=SC2086
  mirror=$(grep -hoE '^[^#]*[a-z]+:[^ ]+/debian/?( |$)' $files | grep -oE '[^ ]+/debian/? *$' | sed -n '1s/ *$//p' || true)
  if [ -z "$mirror" ]; then
    echo "No Debian mirror in /etc/apt: add $backports by hand, or Mesa $oldest_mesa or newer, and run this again." >&2
    exit 69
  fi
  echo "deb $mirror $backports main"
  [ "$mode" = --simulate ] || echo "deb $mirror $backports main" >/etc/apt/sources.list.d/$backports.list
}

if ! command -v apt-get >/dev/null; then
  echo 'This knows Debian and Ubuntu only. Elsewhere install chromium and the Vulkan driver lavapipe of Mesa.' >&2
  exit 69
fi
. /etc/os-release
missing=()
from=()
has libvulkan1 0 || missing+=(libvulkan1)
{ [ "$mode" != --simulate ] && command -v chromium >/dev/null; } || missing+=(chromium)
needs_mesa=false
has mesa-vulkan-drivers "$oldest_mesa" || needs_mesa=true
[ ${#missing[@]} -gt 0 ] || $needs_mesa || exit 0

if $needs_mesa && [ "${VERSION_CODENAME:-}" = bookworm ]; then
  add_backports
  from=(-t "$backports")
fi
[ "$mode" = --simulate ] || "${apt[@]}" update
[ ${#missing[@]} -eq 0 ] || install "${missing[@]}"
! $needs_mesa || install "${from[@]}" mesa-vulkan-drivers
