#!/usr/bin/env bash
# Installs what the tests need from the distribution's packages, when it is missing.
# Usage: need-packages.sh
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

missing=()
need() { # need COMMAND PACKAGE...
  command -v "$1" >/dev/null 2>&1 || missing+=("${@:2}")
}
need mariadbd mariadb-server-core
need mariadb-install-db mariadb-server-core
need chromium chromium
need nginx nginx libnginx-mod-rtmp
need ffmpeg ffmpeg
compgen -G "/usr/lib/nginx/modules/ngx_rtmp_module.so" >/dev/null || missing+=(libnginx-mod-rtmp)
compgen -G "/usr/share/fonts/truetype/*/NotoColorEmoji.ttf" >/dev/null || missing+=(fonts-noto-color-emoji)

if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
if ! command -v apt-get >/dev/null 2>&1; then
  echo "These programs are needed for the tests and this system has no apt-get: ${missing[*]}" >&2
  exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null 2>&1 || { echo "Run as root: apt-get install ${missing[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
echo "==> packages for the tests: ${missing[*]}"
# No service may start by itself: the tests start what they need, on ports and in folders of their own.
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
  "${sudo[@]}" chmod +x "$policy"
  made_policy=yes
fi
trap '[ -z "$made_policy" ] || "${sudo[@]}" rm -f "$policy"' EXIT
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
