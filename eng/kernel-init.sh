#!/bin/busybox sh
# What an emulated machine of eng/test-kernels.sh does as its process 1: loads every program, runs the steps of the demo that /etc/demo-steps
# names, sends datagrams from outside into XDP, and turns itself off. "### passed" is its last line when all of it worked.
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin DOTNET_ROOT=/opt/dotnet HOME=/root
export CULVERT_PATIENCE=10 DOTNET_TieredPGO=0 DOTNET_EnableDiagnostics=0 NO_COLOR=1
lab=/run/culvert/lab

fail() {
	exec >&2
	for log in "$lab"/*/*.log; do [ ! -s "$log" ] || tail -n 20 "$log"; done
	for node in node1 node2; do within $node curl -sS http://127.0.0.1:15020/metrics | grep -E '^culvert_(drops|udp_datagrams|datapath)' | grep -v ' 0$' | sed "s/^/$node: /"; done
	echo "### failed: $*"
	poweroff -f
}

prepare() {
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t bpf bpf /sys/fs/bpf
	mount -t devtmpfs dev /dev
	mount -t tmpfs run /run
	mount -t tmpfs tmp /tmp
	mount -t tmpfs nginx /var/lib/nginx
	mkdir -p /run/netns
	ip link set lo up
	ulimit -n 65536
	stty cols 240
}

load() { # every program of every object
	local object name
	for object in /opt/culvert/bpf/*.bpf.o; do
		name=$(basename "$object" .bpf.o)
		bpftool prog loadall "$object" "/sys/fs/bpf/$name" 2>/tmp/load || { cat /tmp/load && fail "$object does not load"; }
		echo "### $name.bpf.o: loaded $(ls "/sys/fs/bpf/$name" | tr '\n' ' ')"
	done
}

within() { # name, command...: runs a command in a namespace of the lab
	local place=$1
	shift
	nsenter --net="$(echo /run/netns/cv-*-"$place")" "$@"
}

until_true() { # what, command...: waits, for 60 s
	local what=$1 tries=300
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail "not within 60 s: $what"
		sleep 0.2
	done
}

metric() { # node, pattern: the sum of the samples
	within "$1" curl -sS http://127.0.0.1:15020/metrics | grep "$2" | awk '{ sum += $NF } END { print sum + 0 }'
}

counted() { [ "$(metric "$@")" -gt 0 ]; }

attached() { # node, hook: how many programs its agent has there
	/opt/culvert/culvert status -o json --admin-socket "$(echo "$lab"/*/"$1"/run/agent.sock)" >/tmp/status || fail "the agent of $1 is not well"
	grep -c "\"attachment\": \"$2" /tmp/status
}

listens() { within "$1" cat /proc/net/udp /proc/net/udp6 | grep -qi ":$(printf %04x "$2") "; } # pod, UDP port

answers() { within client curl -sS --max-time 60 "http://$1:8080/" | grep -q client=10.91.1.1; } # address

answers_datagrams() { # address
	within client bash -c "exec 3<>/dev/udp/$1/9053; echo ask >&3; timeout 20 dd bs=65536 count=1 status=none <&3" | grep -q client=10.91.1.1
}

# Where the kernel has nftables built in there is another reason, since the library for it is not here.
no_routing_rule() { [ "$(metric node1 '^culvert_direct_path{mode="host-stack",reason="routing-rule"}')" = 0 ]; }

# Between pods of one node by its own forwarding, as soon as somebody has a rule that may lead elsewhere. The table is empty, so that this one does not.
host_stack() {
	within node1 ip rule add priority 20000 iif cvnear lookup 300
	until_true "the node's own forwarding is used" counted node1 '^culvert_direct_path{mode="host-stack",reason="routing-rule"}'
	answers 10.91.1.3 || fail "no answer by the node's own forwarding"
	answers_datagrams 10.91.1.3 || fail "no answer to a datagram by the node's own forwarding"
	counted node1 '^culvert_datapath_packets_total{path="host-stack"}' || fail "no packet was counted on the node's own forwarding"
	within node1 ip rule del priority 20000
	until_true "the rule is no reason any more" no_routing_rule
	echo "PASS the node's own forwarding: near answered while somebody had a rule to a table of its own"
}

# A filter that comes before ours, added by iproute2 and not by busybox. By TCX nothing that this machine has can do so.
program_order() {
	[ "$hook" = clsact ] || { echo "### skipped: order of programs, which nothing here can change by TCX" && return 0; }
	within node1 /usr/sbin/tc filter add dev cvclient ingress protocol all prio 1 handle 7 bpf direct-action object-pinned /sys/fs/bpf/tc/cv_from_net || fail "no filter could be added"
	until_true "the agent's program is put first" counted node1 '^culvert_programs_put_first_total'
	answers 10.91.2.1 || fail "no answer with a filter of others"
	within node1 /usr/sbin/tc filter del dev cvclient ingress protocol all prio 1 handle 7 bpf
	echo "PASS order: the agent's program was put before a filter of others"
}

answers_without_header() { answers_datagrams 10.91.2.1 && counted node1 '^culvert_datapath_datagrams_total{delivery="plain"}'; }

# A pod as a port of a bridge that netfilter looks into: what is assigned to a socket there would lose it.
bridged_pod() {
	within node1 sh -ec '
		ip link add cni0 type bridge
		ip link set cni0 up
		echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
		ip route del 10.91.1.1/32 dev cvclient
		ip route add 10.91.1.1/32 dev cni0
		ip link set cvclient master cni0' || fail "no bridge could be made"
	until_true "a datagram by the bridge is answered, and had no header" answers_without_header
	answers 10.91.2.1 || fail "no answer by the bridge from the other node"
	answers 10.91.1.3 || fail "no answer by the bridge from this node"
	echo "PASS a bridge that netfilter looks into: TCP and UDP to both nodes"
}

arrives_from_outside() { # the kernel takes to a new snapshot a moment before the proxy does
	within control bash -c 'echo from-outside >/dev/udp/10.91.2.1/9999'
	grep -q QUIT /tmp/outside && grep -q from-outside /tmp/outside
}

# Where a workload takes datagrams by the proxy, also from outside, there is XDP at its node's uplink. It refuses, and puts headers in.
xdp_uplink() {
	local objects
	objects=$(echo "$lab"/*/objects)
	sed -i 's/mode: STRICT/mode: PERMISSIVE/' "$objects/mesh.yaml"
	cat >"$objects/policy-outside.yaml" <<-'YAML'
		apiVersion: culvert.dev/v1alpha1
		kind: AuthorizationPolicy
		metadata:
		  name: outside
		  namespace: demo
		spec:
		  selector:
		    matchLabels:
		      app: web
		  action: ALLOW
		  rules:
		    - from:
		        - ipBlocks: ["10.90.0.0/16"]
		      to:
		        - ports: [9999]
	YAML
	sed -i 's|^metadata:|metadata:\n  annotations:\n    culvert.dev/proxy-protocol: v2:9999/udp|' "$objects/workload-far.yaml"
	until_true "XDP at node2's uplink" grep -q "cv_xdp is attached to eth0 by xdp native" "$lab"/*/node2.agent.log
	until_true "a datagram from outside arrives with a PROXY header" arrives_from_outside
	until_true "XDP counts its headers" counted node2 '^culvert_datapath_xdp_total.*"header"'
	within control bash -c 'echo refused >/dev/udp/10.91.2.1/9998'
	until_true "XDP counts its drop" counted node2 '^culvert_datapath_xdp_total.*"drop"'
	echo "PASS XDP in the driver: a datagram from outside got its PROXY header, another was refused"
}

is_lost() { counted node2 '^culvert_workloads_\(undelivered\|inside\) '; }

# A rule that leads elsewhere what is captured, and nothing else; last, since the pod may be captured inside from then on.
lost_delivery() {
	grep -q '^ok  *live_frames ' /tmp/check || { echo "### skipped: whether what is captured arrives, which this kernel can't try" && return 0; }
	within node2 ip rule add priority 0 iif cvfar lookup main
	until_true "the agent of node2 knows that what far sends does not arrive" is_lost
	within node2 ip rule del priority 0 iif cvfar
	echo "PASS delivery: a rule that took what is captured was noticed"
}

prepare
echo "### kernel $(uname -r)"
load
/opt/culvert/culvert check >/tmp/check || fail "culvert check finds errors"
cat /tmp/check
hook=clsact
grep -q '^ok  *tcx ' /tmp/check && hook=tcx
/opt/culvert/culvert demo --keep --steps "$(cat /etc/demo-steps)" || fail "the demo failed"
number=$(attached node1 "$hook")
[ "$number" -gt 0 ] || fail "no program is attached by $hook"
echo "### node1: $number programs attached by $hook"
host_stack
program_order
bridged_pod
within far socat -u UDP4-RECV:9999 OPEN:/tmp/outside,creat,append &
until_true "a UDP server for those outside" listens far 9999
xdp_uplink
lost_delivery
echo "### passed"
poweroff -f
