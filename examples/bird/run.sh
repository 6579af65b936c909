#!/usr/bin/env bash
# BIRD 2 as the router of one edge node, on this machine: two network namespaces with a cable between them, and what
# BIRD's table says while the node comes, says goodbye and leaves. Everything is taken away again at the end.
#
#   run.sh          the whole story, about five seconds
#   run.sh --stay   until Ctrl-C: look and break things yourself
#
# Needs root, iproute2, bird2 and this project with its dependencies installed.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
project="$(dirname "$(dirname "$here")")"

readonly PREFIX=203.0.113.0/24
readonly WAIT_S=20
# The name carries our process: nobody else's namespaces are touched.
router="anycastle-$$-1-router"
node="anycastle-$$-1-node"
pids=()

fail() {
  echo "run.sh: $1" >&2
  exit 1
}

clean() {
  # By process, never by name; the node first, so that nobody waits for it.
  for pid in "${pids[@]}"; do
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  ip netns del "$node" 2>/dev/null || true
  ip netns del "$router" 2>/dev/null || true
  rm -rf "$work"
}

bird_says() { birdc -s "$work/bird.ctl" "$@" | tail -n +2; }
# Empty when BIRD's table does not hold the prefix.
route() { bird_says show route all where net = "$PREFIX" | sed '/^$/d;/^Table/d'; }

# until_true WHAT COMMAND...
until_true() {
  local what=$1 end=$((SECONDS + WAIT_S))
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$end" ]; then
      cat "$work"/*.log >&2
      fail "waited $WAIT_S s for $what"
    fi
    sleep 0.05
  done
}
announced() { route | grep -q 'local_pref: 100'; }
leaving() { route | grep -q 'local_pref: 0'; }
withdrawn() { [ -z "$(route)" ]; }

[ "$(id -u)" -eq 0 ] || fail "needs root, for network namespaces"
for program in ip bird birdc; do
  command -v "$program" >/dev/null || fail "no $program: apt-get install iproute2 bird2"
done
work="$(mktemp -d)"
trap clean EXIT
trap 'exit 130' INT TERM

ip netns add "$router"
ip netns add "$node"
ip link add cable netns "$router" type veth peer name cable netns "$node"
ip -n "$router" addr add 198.51.100.1/30 dev cable
ip -n "$node" addr add 198.51.100.2/30 dev cable
for namespace in "$router" "$node"; do
  ip -n "$namespace" link set lo up
  ip -n "$namespace" link set cable up
done

ip netns exec "$router" bird -f -c "$here/router.conf" -s "$work/bird.ctl" >"$work/bird.log" 2>&1 &
pids+=($!)
until_true "BIRD's control socket" test -S "$work/bird.ctl"
ip netns exec "$node" node "$project/bin/anycastle.js" node -c "$here/node.yaml" >"$work/node.log" 2>&1 &
node_pid=$!
pids=("$node_pid" "${pids[@]}")
until_true "the prefix in BIRD's table" announced

echo "== the node is ready, and announces"
bird_says show protocols edge
route

if [ "${1:-}" = --stay ]; then
  cat <<TEXT

The cast stays until Ctrl-C. In another terminal, for example:
  birdc -s $work/bird.ctl show protocols all edge
  birdc -s $work/bird.ctl show route all
  ip netns exec $node curl -si http://127.0.0.1:9001/
  ip -n $router link set cable down     # a pulled cable
  ip -n $router link set cable up
  kill -TERM $node_pid                  # GRACEFUL_SHUTDOWN, then the withdrawal
TEXT
  wait "$node_pid" || true
  exit 0
fi

kill -TERM "$node_pid"
until_true "GRACEFUL_SHUTDOWN" leaving
echo "== SIGTERM: the node still serves and asks for another path (RFC 8326)"
route
until_true "the withdrawal" withdrawn
status=0
wait "$node_pid" || status=$?
# 128 + SIGTERM: a command that a signal ended says so, also when it ended gently.
[ "$status" -eq 143 ] || fail "the node ended with status $status"
echo "== withdrawn, and the node has left"
