# Carried out once, as root, in a system that runs: the work that a server does, and everything odd that a filesystem can hold.
set -eu

# Users and what they may.
groupadd --gid 1500 staff2
useradd --create-home --uid 1500 --gid 1500 --shell /bin/bash --comment 'Alice Anders' alice
useradd --create-home --uid 1501 --groups staff2 --shell /bin/sh bob
echo 'alice:$6$lab$notapassword' | chpasswd --encrypted
mkdir -m 700 /home/alice/.ssh
cp /etc/ssh/ssh_host_ed25519_key.pub /home/alice/.ssh/authorized_keys
seq 1 20000 > /home/alice/numbers
chown -R alice:staff2 /home/alice

# The network, by the name that its card has here.
card=$(ls /sys/class/net | grep -v '^lo$')
printf 'auto lo\niface lo inet loopback\n\nallow-hotplug %s\niface %s inet dhcp\n' "$card" "$card" > /etc/network/interfaces

# What happens by itself.
cat > /etc/systemd/system/tick.service <<'END'
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'date >> /var/log/tick'
END
printf '[Timer]\nOnCalendar=hourly\n[Install]\nWantedBy=timers.target\n' > /etc/systemd/system/tick.timer
systemctl enable --quiet --now tick.timer
echo '17 3 * * * alice /bin/true' > /etc/cron.d/shop

# Everything odd.
mkdir -p /srv/odd
cd /srv/odd
echo one > linked; ln linked linked-too; mkdir sub; ln linked sub/linked-three
truncate --size 64M sparse; printf middle | dd of=sparse bs=1 seek=33554432 conv=notrunc status=none
mkfifo fifo; mknod device c 1 3; chmod 622 device
ln -s /nowhere/at/all dangling; ln -s ../odd circle
cp /usr/bin/sleep capable; setcap cap_net_bind_service,cap_net_raw+ep capable
cp /usr/bin/id setuid; chown bob:staff2 setuid; chmod 6755 setuid
echo acl > acl; setfacl -m u:alice:rw,g:staff2:r,m::rw acl
mkdir acl-default; setfacl -d -m u:bob:rwx,g::r-x acl-default; setfacl -m u:alice:--x acl-default; echo in > acl-default/in
echo attributes > attributes; setfattr -n user.purpose -v 'to be kept' attributes; setfattr -n user.bytes -v 0x00ff0a0d attributes
setfattr -n trusted.note -v root attributes; mkdir with-attributes; setfattr -n user.on -v directory with-attributes
echo fixed > immutable; echo begun > append-only; echo dump > no-dump
mkdir -m 1777 sticky; mkdir -m 2770 set-group; chgrp staff2 set-group; mkdir -p empty/of/all
printf 'name with\nnewline\n' > 'a
b'; echo blank > ' leading and trailing '; echo dash > ./-rf; echo bytes > "$(printf 'caf\351-\377')"; echo utf > 'größe-数'
echo long > "$(printf 'n%.0s' $(seq 1 255))"
deep=deep; for n in $(seq 1 40); do deep=$deep/directory-$n; done; mkdir -p "$deep"; echo bottom > "$deep/bottom"
echo old > old; touch -d '1969-07-20 20:17:40.123456789 UTC' old
echo exact > exact; touch -d '2026-03-04 05:06:07.987654321 UTC' exact; touch -h -d '2025-01-02 03:04:05.000000001 UTC' dangling
: > zero; chown 4000000:4000001 zero; head -c 3000000 /dev/zero | tr '\0' 'x' > large
touch -d '2024-02-29 12:00:00.5 UTC' sub empty empty/of sticky
chattr +i immutable; chattr +a append-only; chattr +d no-dump
cd /
