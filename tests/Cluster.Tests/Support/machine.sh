# The first process of a machine: a network namespace's own view of processes, mounts and name. Usage: machine.sh FOLDER NAME
# Started again on the same folder it is the machine after a restart: what was written to its disk is there, and nothing of /run and the BPF file system.
folder=$1
hostname "$2"
mount --make-rprivate /
mount -t proc proc /proc
mkdir -p "$folder/cgroup"
mount --rbind /sys/fs/cgroup "$folder/cgroup"
mount -t tmpfs -o mode=755 tmpfs /run
# What programs of the machine write there is its own.
for place in etc opt var; do
	mkdir -p "$folder/$place" "$folder/.$place"
	mount -t overlay -o "lowerdir=/$place,upperdir=$folder/$place,workdir=$folder/.$place" overlay "/$place"
done
mount -t sysfs sysfs /sys
mount --rbind "$folder/cgroup" /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
if ! [ -e "$folder/started" ]; then
	rm -rf /etc/cni /opt/cni
	mkdir -p /etc/cni/net.d /opt/cni/bin /var/log/pods
	touch "$folder/started"
fi
# Last: before it, to unmount a copy takes what is mounted in it along.
mount --make-rshared /
touch "$folder/ready"
# Adopts what its parent leaves, and ends with the lab.
while :; do
	sleep 3600 &
	wait $!
done
