#!/usr/bin/env bash
# Runs the mesh's first steps under other kernels, Debian's 5.10, 6.1, 6.12 and 7.2, each in an emulated machine (qemu, no KVM needed).
# For each: every program loads and attaches (by TCX where the kernel has it, else by clsact; by XDP), and requests and datagrams pass in the
# kernel and through the proxies by mutual TLS, also by the node's own forwarding, for a pod of a bridge and, without TCX, beside a filter of
# others. What the machines do is eng/kernel-init.sh; where kernels come from is eng/kernel-packages.sh.
# Usage: eng/test-kernels.sh [VERSION]...      Environment: CONFIGURATION, STEPS (of culvert demo, separated by commas; empty for all of them),
# and that of eng/kernel-packages.sh
# The last line is "N kernels passed, N failed".
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
configuration=${CONFIGURATION:-Release}
work=$root/artifacts/kernels
cli=$root/src/Cli/bin/$configuration/net10.0
steps=${STEPS-same-node,between-nodes,identity,service,denied-same-node,udp-same-node,udp-between-nodes,agent-killed}
[ $# -gt 0 ] || set -- 5.10 6.1 6.12 7.2
mkdir -p "$work"

# Copies programs with the libraries they need into a tree.
copy_programs() {
	local tree=$1 file
	shift
	for file in "$@"; do
		[[ $file == /* ]] || file=$(readlink -f "$(command -v "$file")")
		echo "$file"
		ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || true
	done | sort -u | while read -r file; do
		mkdir -p "$tree$(dirname "$file")"
		cp -L "$file" "$tree$file"
	done
}

copy_module() { # tree, kernel's tree, release, name: the module and what it depends on
	local module file
	for module in $(modinfo -b "$2" -k "$3" -F depends "$4" 2>/dev/null | tr ',' ' ') "$4"; do
		[ "$module" = "$4" ] || copy_module "$1" "$2" "$3" "$module" || return 1
	done
	file=$(modinfo -b "$2" -k "$3" -n "$4" 2>/dev/null) || { echo "Linux $3 has no module $4" && return 0; }
	[ "$file" != "(builtin)" ] || return 0
	module=$(basename "$file" .xz)
	mkdir -p "$1/modules"
	[ ! -e "$1/modules/$module" ] || return 0
	case $file in
	*.ko) cp "$file" "$1/modules/" ;;
	*.ko.xz) xz -dc "$file" >"$1/modules/$module" ;;
	*) echo "test-kernels: $file is compressed in an unknown way" >&2 && return 1 ;;
	esac
	echo "$module" >>"$1/modules/order"
}

# The file system that every kernel boots into: this machine's programs, the .NET runtime and Culvert.
build_image() {
	local tree=$work/tree library runtime
	rm -rf "$tree" && mkdir -p "$tree"/{bin,proc,sys,dev,run,tmp,etc,root,var/lib/nginx,var/log/nginx,usr/bin,usr/sbin,opt/culvert}
	chmod 1777 "$tree/tmp"
	cp "$(command -v busybox)" "$tree/bin/busybox"
	for library in $("$tree/bin/busybox" --list); do [ -e "$tree/bin/$library" ] || ln -s busybox "$tree/bin/$library"; done
	# busybox's shell would run its own applets before the programs of the same name, so it is only for init.
	copy_programs "$tree" bash dash ip tc nsenter setsid curl nginx tcpdump mount umount bpftool openssl socat grep cut cat rm rmdir mkdir sleep dd timeout \
		/usr/*/nginx/modules/ngx_stream_module.so
	ln -sf ../usr/bin/dash "$tree/bin/sh"
	for library in libbpf.so.1 libelf.so.1 libssl.so.3 libcrypto.so.3 libstdc++.so.6 libgcc_s.so.1 libz.so.1 \
		libdl.so.2 libpthread.so.0 librt.so.1 libm.so.6; do
		library=$(ldconfig -p | sed -n "s|.*$library .*x86-64.* => ||p" | head -1)
		copy_programs "$tree" "$library"
	done
	for runtime in Microsoft.NETCore.App Microsoft.AspNetCore.App; do
		library=$(dotnet --list-runtimes | sed -n "s/^$runtime \(10[^ ]*\) \[\(.*\)\]/\2\/\1/p" | sort -V | tail -1)
		mkdir -p "$tree/opt/dotnet/shared/$runtime"
		cp -r "$library" "$tree/opt/dotnet/shared/$runtime/"
	done
	cp -r "$(dirname "$(readlink -f "$(command -v dotnet)")")/host" "$tree/opt/dotnet/"
	cp -rL "$cli/." "$tree/opt/culvert/"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$tree/etc/passwd"
	echo 'root:x:0:' >"$tree/etc/group"
	echo "$steps" >"$tree/etc/demo-steps"
	touch "$tree/etc/ld.so.conf"
	cp "$root/eng/kernel-init.sh" "$tree/init"
	ldconfig -r "$tree" 2>/dev/null || true
	rm -f "$work/root.ext4"
	mke2fs -q -t ext4 -d "$tree" "$work/root.ext4" 900M 2>/dev/null
	rm -rf "$tree"
}

# A first file system in memory that loads modules and goes over to the image.
build_initramfs() {
	local series=$1 release=$2 tree=$work/$1/initramfs module
	rm -rf "$tree" && mkdir -p "$tree"/{bin,proc,sys,dev,mnt}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	for module in virtio_pci virtio_blk ext4 veth bridge br_netfilter af_packet sch_ingress cls_bpf act_mirred tls; do
		copy_module "$tree" "$work/$series" "$release" "$module" || return 1
	done
	cat >"$tree/init" <<-'INIT'
		#!/bin/busybox sh
		/bin/busybox --install -s /bin
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs dev /dev
		while read -r module; do insmod "/modules/$module" || echo "### $module did not load"; done </modules/order
		until [ -e /dev/vda ]; do sleep 0.1; done
		mount -o ro /dev/vda /mnt
		umount /proc /sys
		exec switch_root /mnt /init
	INIT
	chmod +x "$tree/init"
	(cd "$tree" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/$series/initramfs.gz"
}

run_kernel() {
	local series=$1 release log=$work/$1.log started=$SECONDS append='console=ttyS0 quiet panic=-1'
	release=$(cat "$work/$series/release")
	build_initramfs "$series" "$release" || return 1
	# One processor: code that a kernel patches at run time is not always seen in time by the emulation's other threads.
	# cx16=off: before version 8.0 the emulation leaves wrong flags behind CMPXCHG16B; an interrupt just then ends the kernel with a double fault.
	# Sockets' storage in newer kernels (kmalloc_nolock) has only caches that are checked to take from where CMPXCHG16B is missing, and ENOMEM otherwise.
	case $series in 7.*) append+=' slub_debug=F,kmalloc-*' ;; esac
	# -icount: the machine's clock goes by instructions done, 2 ns each, so that a slow or busy host brings no deadline nearer.
	echo "Linux $release: booting (emulated; some minutes)"
	timeout 1800 qemu-system-x86_64 -accel tcg -icount shift=1,sleep=off -rtc clock=vm -cpu max,cx16=off -smp 1 -m 3072 -nographic -no-reboot -nic none \
		-kernel "$work/$series/vmlinuz" -initrd "$work/$series/initramfs.gz" -append "$append" \
		-drive "file=$work/root.ext4,format=raw,if=virtio,readonly=on" >"$log" 2>&1 </dev/null || true
	tr -d '\r' <"$log" | grep -aE '^(PASS|FAIL|warning|error|     |###)' || true
	if tr -d '\r' <"$log" | grep -aqx '### passed'; then
		echo "Linux $release: passed in $((SECONDS - started)) s"
	else
		echo "Linux $release: FAILED after $((SECONDS - started)) s; see ${log#"$root"/}"
		return 1
	fi
}

dotnet build -c "$configuration" -v q -nologo "$root/src/Cli"
build_image
passed=0 failed=0
for series in "$@"; do
	if "$root/eng/kernel-packages.sh" "$series" "$work/$series" && run_kernel "$series"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
rm -f "$work/root.ext4"
echo "$passed kernels passed, $failed failed"
[ "$failed" -eq 0 ]
