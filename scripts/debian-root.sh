# A new Debian 12 in a folder, for the scripts that try the project on one. They source this.

# Minimal Debian with this machine's Node: Debian's own is too old, and this one must be 20 or newer.
make_debian() { # <root> <packages, with commas between>
  debootstrap --variant=minbase --include="$2" bookworm "$1"
  local node npm
  node=$(readlink -f "$(command -v node)")
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  install -m 755 "$node" "$1/usr/local/bin/node"
  mkdir -p "$1/usr/local/lib/node_modules"
  cp -a "$npm" "$1/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$1/usr/local/bin/npx"
}

# How this machine reaches its package registries.
copy_registries() { # <root>
  cp /etc/resolv.conf "$1/etc/resolv.conf"
  if [ -d /usr/local/share/ca-certificates ]; then
    cp -a /usr/local/share/ca-certificates/. "$1/usr/local/share/ca-certificates/"
    cp -a /etc/ssl/certs/. "$1/etc/ssl/certs/"
  fi
  cp -a /etc/apt/apt.conf.d/. "$1/etc/apt/apt.conf.d/" 2>/dev/null || true
  local settings
  for settings in ~/.npmrc /etc/npmrc; do [ ! -e "$settings" ] || cp "$settings" "$1$settings"; done
}
