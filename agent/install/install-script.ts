/** The installer that the server hands out as `/install_edge_agent.sh` (SD-I1…I4). */

export interface InstallScriptOptions {
  /** https://host:port, as devices reach the server. */
  readonly cloudUrl: string;
  /** PEM of the CA that the server's certificate chains to; downloads trust nothing else. */
  readonly caPem: string;
}

/** @throws RangeError when the address is not plain https or the CA is no PEM, so that nothing else gets into a root shell. */
export function renderInstallScript({ cloudUrl, caPem }: InstallScriptOptions): string {
  const url = URL.canParse(cloudUrl) ? new URL(cloudUrl) : null;
  if (url?.protocol !== 'https:' || url.origin === 'null') {
    throw new RangeError('the server’s address must be https://host[:port]');
  }
  const certificates = caPem.trim().replaceAll('\r', '');
  if (!PEM_BUNDLE.test(certificates)) throw new RangeError('the CA must be certificates in PEM');
  // Functions as replacements: `$` in a value must stay what it is.
  return TEMPLATE.replaceAll('@CLOUD_URL@', () => shellQuote(url.origin)).replaceAll(
    '@CA_PEM@',
    () => certificates,
  );
}

const PEM_BUNDLE = /^(-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+\n-----END CERTIFICATE-----\s*)+$/;

/** One word for a POSIX shell, whatever is in it. */
export const shellQuote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const TEMPLATE = String.raw`#!/usr/bin/env bash
# Installs, enrols and starts the Ops-Center Edge agent. Run again to upgrade it: an enrolled machine keeps its identity.
set -euo pipefail

CLOUD_URL=@CLOUD_URL@
PREFIX=/opt/edge-agent
STATE_DIR=/var/lib/edge-agent
CONFIG_DIR=/etc/edge-agent
AGENT_USER=edge-agent
USE_SYSTEMD=yes
TOKEN=
NAME=
TYPE=

usage() {
  cat <<'USAGE'
Usage: ./install_edge_agent.sh <REGISTRATION_TOKEN> [options]
  --name NAME        device name (default: the host name)
  --type TYPE        uc1-pro, gateway or custom (default: custom)
  --no-systemd       start in the background, without systemd (containers)
  --prefix DIR       program folder (default: /opt/edge-agent)
  --state-dir DIR    keys and outbox (default: /var/lib/edge-agent)
  --config-dir DIR   device_id and agent.env (default: /etc/edge-agent)
USAGE
}

say() { printf '%s\n' "$*"; }
fail() { printf 'install_edge_agent.sh: %s\n' "$*" >&2; exit 1; }

value_of() { [ "$#" -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value"; printf '%s' "$2"; }

while [ "$#" -gt 0 ]; do
  case "$1" in
    --name) NAME=$(value_of "$@"); shift 2 ;;
    --type) TYPE=$(value_of "$@"); shift 2 ;;
    --prefix) PREFIX=$(value_of "$@"); shift 2 ;;
    --state-dir) STATE_DIR=$(value_of "$@"); shift 2 ;;
    --config-dir) CONFIG_DIR=$(value_of "$@"); shift 2 ;;
    --no-systemd) USE_SYSTEMD=no; shift ;;
    -h|--help) usage; exit 0 ;;
    -*) usage >&2; fail "$1: no such option" ;;
    *) [ -z "$TOKEN" ] || fail "$1: only one token is taken"; TOKEN=$1; shift ;;
  esac
done

if [ -z "$TOKEN" ]; then
  usage >&2
  exit 1
fi
# These go into a unit file: plain absolute paths only.
for folder in "$PREFIX" "$STATE_DIR" "$CONFIG_DIR"; do
  [[ "$folder" =~ ^/[A-Za-z0-9._/-]+$ ]] || fail "$folder: give an absolute path of letters, digits and . _ - /"
done
[ "$(id -u)" -eq 0 ] || fail 'root is needed; run it by sudo'
[ "$(uname -s)" = Linux ] || fail 'only Linux is supported'
if [ "$USE_SYSTEMD" = yes ] && [ ! -d /run/systemd/system ]; then
  fail 'systemd does not run here; pass --no-systemd to start the agent in the background'
fi

install_packages() {
  say "Installing $* ..."
  if command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
  elif command -v dnf >/dev/null; then dnf install -y -q "$@"
  elif command -v yum >/dev/null; then yum install -y -q "$@"
  elif command -v zypper >/dev/null; then zypper --non-interactive --quiet install "$@"
  else fail "no known package manager; install $* and run this again"
  fi
}

missing=()
for tool in curl tar gzip; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
[ "${'$'}{#missing[@]}" -eq 0 ] || install_packages "${'$'}{missing[@]}"

mkdir -p "$PREFIX/bin" "$PREFIX/releases" "$CONFIG_DIR"
mkdir -p -m 0700 "$STATE_DIR"
WORK=$(mktemp -d "$PREFIX/.install.XXXXXX")
trap 'rm -rf "$WORK"' EXIT

CA_FILE=$CONFIG_DIR/ca.pem
cat > "$CA_FILE" <<'CA_END'
@CA_PEM@
CA_END
chmod 0644 "$CA_FILE"

download() {
  curl --fail --silent --show-error --location --proto '=https' --tlsv1.3 --retry 3 --connect-timeout 15 \
    --cacert "$CA_FILE" --output "$2" "$CLOUD_URL$1"
}

# Node 22.13 is the first with the SQLite that the agent needs.
is_new_enough() {
  local version major minor
  version=$("$1" --version 2>/dev/null) || return 1
  version=${'$'}{version#v}
  major=${'$'}{version%%.*}
  minor=${'$'}{version#*.}
  minor=${'$'}{minor%%.*}
  [[ "$major" =~ ^[0-9]+$ && "$minor" =~ ^[0-9]+$ ]] || return 1
  [ "$major" -gt 22 ] || { [ "$major" -eq 22 ] && [ "$minor" -ge 13 ]; }
}

# A Node below a home folder is out of reach for the service's own user.
is_reachable() { [ "$USE_SYSTEMD" = no ] || case "$1" in /usr/*|/opt/*|/bin/*) true ;; *) false ;; esac; }

provide_node() {
  local own architecture
  own=$(command -v node || true)
  if [ -n "$own" ]; then own=$(readlink -f "$own"); fi
  if [ -n "$own" ] && is_new_enough "$own" && is_reachable "$own"; then
    ln -sfn "$own" "$PREFIX/bin/node"
    return
  fi
  if [ ! -L "$PREFIX/bin/node" ] && is_new_enough "$PREFIX/bin/node"; then return; fi
  case "$(uname -m)" in
    x86_64|amd64) architecture=x64 ;;
    aarch64|arm64) architecture=arm64 ;;
    *) fail "Node 22.13 or newer is needed and none is offered for $(uname -m); install it and run this again" ;;
  esac
  say 'Downloading Node ...'
  download "/downloads/node-linux-$architecture.gz" "$WORK/node.gz" ||
    fail "the server offers no Node for $architecture; install Node 22.13 or newer and run this again"
  gzip -dc "$WORK/node.gz" > "$WORK/node"
  chmod 0755 "$WORK/node"
  if ! "$WORK/node" --version >/dev/null 2>&1; then
    if command -v apt-get >/dev/null; then install_packages libstdc++6 libatomic1
    else install_packages libstdc++ libatomic
    fi
    "$WORK/node" --version >/dev/null || fail 'the downloaded Node does not run here (it needs glibc 2.28); install Node 22.13 or newer'
  fi
  mv -f "$WORK/node" "$PREFIX/bin/node"
}
provide_node

say 'Downloading the agent ...'
download /downloads/edge-agent-latest.tar.gz "$WORK/agent.tar.gz"
tar -xzf "$WORK/agent.tar.gz" -C "$WORK" --no-same-owner
[ -s "$WORK/edge-agent/edge-agent.cjs" ] || fail 'the downloaded archive holds no agent'
VERSION=$(cat "$WORK/edge-agent/VERSION")
[[ "$VERSION" =~ ^[A-Za-z0-9._-]+$ ]] || fail 'the downloaded archive has no version'
DIGEST=$(sha256sum "$WORK/agent.tar.gz" | cut -c1-8)
RELEASE=$PREFIX/releases/$VERSION-$DIGEST
chmod -R u=rwX,go=rX "$WORK/edge-agent"
if [ ! -d "$RELEASE" ]; then mv "$WORK/edge-agent" "$RELEASE"; fi
ln -sfn "$RELEASE" "$PREFIX/current.new"
mv -fT "$PREFIX/current.new" "$PREFIX/current"
chmod 0755 "$PREFIX" "$PREFIX/bin" "$PREFIX/releases"

agent() { "$PREFIX/bin/node" "$PREFIX/current/edge-agent.cjs" "$@"; }

if [ -s "$STATE_DIR/identity.json" ]; then
  say 'This machine is enrolled already; upgrading the agent.'
else
  say 'Enrolling ...'
  options=(--cloud-url "$CLOUD_URL" --ca-file "$CA_FILE" --state-dir "$STATE_DIR")
  [ -z "$NAME" ] || options+=(--name "$NAME")
  [ -z "$TYPE" ] || options+=(--type "$TYPE")
  # By environment, so that the token shows in no list of processes.
  # Where people decide, the service goes on asking: nobody has to keep this shell open.
  outcome=0
  EDGE_AGENT_TOKEN=$TOKEN agent enroll "${'$'}{options[@]}" --approval-wait 0 >/dev/null || outcome=$?
  [ "$outcome" -eq 0 ] || [ "$outcome" -eq 9 ] || exit "$outcome"
fi
DEVICE_ID=
if [ -s "$STATE_DIR/device_id" ]; then
  DEVICE_ID=$(cat "$STATE_DIR/device_id")
  printf '%s\n' "$DEVICE_ID" > "$CONFIG_DIR/device_id"
  chmod 0644 "$CONFIG_DIR/device_id"
fi

start_by_systemd() {
  if ! id "$AGENT_USER" >/dev/null 2>&1; then
    useradd --system --home-dir "$STATE_DIR" --no-create-home --shell /usr/sbin/nologin "$AGENT_USER"
  fi
  # Reading containers needs Docker's group, reading logs those of the journal and of /var/log, where there are any.
  local group
  for group in docker systemd-journal adm; do
    if getent group "$group" >/dev/null; then usermod -aG "$group" "$AGENT_USER"; fi
  done
  chown -R "$AGENT_USER": "$STATE_DIR"
  local unit
  unit=$(cat "$PREFIX/current/edge-agent.service")
  unit=${'$'}{unit//@PREFIX@/"$PREFIX"}
  unit=${'$'}{unit//@STATE_DIR@/"$STATE_DIR"}
  unit=${'$'}{unit//@CONFIG_DIR@/"$CONFIG_DIR"}
  unit=${'$'}{unit//@USER@/"$AGENT_USER"}
  printf '%s\n' "$unit" > /etc/systemd/system/edge-agent.service
  systemctl daemon-reload
  systemctl enable --quiet edge-agent.service
  systemctl restart edge-agent.service
}

start_in_background() {
  local pid_file=$STATE_DIR/agent.pid old waited
  if [ -s "$pid_file" ]; then
    old=$(cat "$pid_file")
    # Only what is still our agent: the number may belong to another program by now.
    if [[ "$old" =~ ^[0-9]+$ ]] && tr '\0' ' ' < "/proc/$old/cmdline" 2>/dev/null | grep -qF "edge-agent.cjs run --state-dir $STATE_DIR"; then
      kill "$old"
      for waited in 1 2 3 4 5 6 7 8 9 10; do
        kill -0 "$old" 2>/dev/null || break
        sleep 0.5
      done
    fi
  fi
  nohup "$PREFIX/bin/node" "$PREFIX/current/edge-agent.cjs" run --state-dir "$STATE_DIR" \
    >> "$STATE_DIR/agent.log" 2>&1 < /dev/null &
  printf '%s\n' "$!" > "$pid_file"
}

if [ "$USE_SYSTEMD" = yes ]; then start_by_systemd; else start_in_background; fi

# The last two releases stay, so that the one before is at hand.
ls -1dt "$PREFIX"/releases/*/ | tail -n +3 | while IFS= read -r old; do
  [ "$(readlink -f "$old")" = "$(readlink -f "$PREFIX/current")" ] || rm -rf "$old"
done

say "Agent $VERSION is running."
if [ -n "$DEVICE_ID" ]; then
  say "Device ID: $DEVICE_ID"
else
  say 'The registration waits for a decision: approve it in the console. The agent starts by itself then.'
fi
`;
