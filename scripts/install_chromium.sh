#!/usr/bin/env bash
# Installs Debian's or Ubuntu's Chromium for `npm run test:browser`, and the Vulkan loader, by which WebGPU in Node finds
# the software GPU that comes with it. As root, or with sudo.
set -euo pipefail

if command -v chromium >/dev/null && ldconfig -p | grep -q libvulkan.so.1; then
  echo "install_chromium: $(command -v chromium) and the Vulkan loader are there"
  exit 0
fi
[ "$(id -u)" = 0 ] && sudo='' || sudo=sudo
$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends chromium libvulkan1
echo "install_chromium: done. Test with it: npm run test:browser"
