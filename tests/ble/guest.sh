#!/usr/bin/env bash
# Makes, once, what the run needs and installs nothing: Debian's packages unpacked into a prefix, a guest's initramfs, a venv with Bumble.
#
# Usage: guest.sh PREFIX     makes PREFIX/root, PREFIX/kernel, PREFIX/guest.cpio, PREFIX/venv
set -euo pipefail
prefix=$1
bumble=bumble==0.0.236

# Without the system's own state: no root, and no word about what is installed here. The whole closure, libc too, so that it fits together.
apt() {
    apt-get -qq -o Dir::State="$prefix/apt" -o Dir::State::status="$prefix/apt/status" -o Dir::Cache="$prefix/apt/cache" \
        -o APT::Sandbox::User=root -o Debug::NoLocking=1 -o Acquire::Retries=2 "$@"
}

if [ ! -e "$prefix/unpacked" ]; then
    mkdir -p "$prefix/apt/lists/partial" "$prefix/apt/cache/archives/partial" "$prefix/root"
    : >"$prefix/apt/status"
    apt update
    image=$(apt-cache -o Dir::State="$prefix/apt" -o Dir::State::status="$prefix/apt/status" -o Dir::Cache="$prefix/apt/cache" \
        depends linux-image-amd64 2>/dev/null | awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
    if [ -z "$image" ]; then
        echo "test-ble needs Debian's packages: no linux-image-amd64 here" >&2
        exit 1
    fi
    # Not into the prefix by its dependencies, which would bring in a whole system.
    (cd "$prefix/apt/cache/archives" && apt download "$image")
    apt install --download-only --yes --no-install-recommends \
        qemu-system-x86 busybox-static bluez bluez-test-tools kmod dbus-daemon dbus-bin >/dev/null
    for package in "$prefix"/apt/cache/archives/*.deb; do
        case $package in
        */linux-image-*) ;;
        *) dpkg-deb --extract "$package" "$prefix/root" ;;
        esac
    done
    dpkg-deb --fsys-tarfile "$prefix"/apt/cache/archives/linux-image-*.deb | tar -x -C "$prefix/root" --wildcards \
        './boot/vmlinuz-*' './lib/modules/*/modules.*' './lib/modules/*/kernel/net/*' './lib/modules/*/kernel/crypto/*' \
        './lib/modules/*/kernel/lib/*' './lib/modules/*/kernel/arch/*' './lib/modules/*/kernel/drivers/bluetooth/*' \
        './lib/modules/*/kernel/drivers/virtio/*' './lib/modules/*/kernel/drivers/char/*' './lib/modules/*/kernel/drivers/net/*.ko' \
        './lib/modules/*/kernel/drivers/hid/*'
    ln -sfn "$(basename "$prefix"/root/boot/vmlinuz-*)" "$prefix/root/boot/kernel"
    rm -r "$prefix/apt"
    touch "$prefix/unpacked"
fi

if [ ! -e "$prefix/venv/done" ]; then
    python3 -m venv "$prefix/venv"
    "$prefix/venv/bin/pip" install --quiet --disable-pip-version-check "$bumble"
    touch "$prefix/venv/done"
fi

[ ! -e "$prefix/guest.cpio" ] || exit 0

root=$prefix/root
version=$(basename "$root"/lib/modules/*)
linker=$root/lib64/ld-linux-x86-64.so.2
libraries=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu
guest=$(mktemp -d "$prefix/guest.XXXXXX")
mkdir -p "$guest"/{bin,proc,sys,dev,run,tmp,etc/bluetooth,etc/dbus-1,var/lib/bluetooth,lib/modules,lib/x86_64-linux-gnu,lib64,usr/bin,root}

cp "$root/bin/busybox" "$guest/bin/"
for name in sh mount mkdir ifconfig insmod cat echo sleep usleep hostname grep tail; do ln -s busybox "$guest/bin/$name"; done
cp -L "$linker" "$guest/lib64/"
for program in usr/libexec/bluetooth/bluetoothd usr/bin/btattach usr/bin/btvirt usr/bin/dbus-daemon usr/bin/dbus-send; do
    cp "$root/$program" "$guest/usr/bin/"
    "$linker" --library-path "$libraries" --list "$root/$program" | awk '/=> \// { print $3 }' | while read -r library; do
        cp -Lu "$library" "$guest/lib/x86_64-linux-gnu/"
    done
done

# kmod is one program of several names.
tool() { "$linker" --library-path "$libraries" --argv0 "$1" "$root/bin/kmod" "${@:2}"; }
tool depmod -b "$root" "$version"
: >"$guest/modules"
for module in virtio_pci virtio_net virtio_console ecb cmac algif_hash algif_skcipher bluetooth hci_uart hci_vhci uhid; do
    tool modprobe -d "$root" -S "$version" -D "$module" | awk '/^insmod/ { print $2 }' | while read -r file; do
        name=$(basename "$file")
        grep -qx "$name" "$guest/modules" && continue
        cp "$file" "$guest/lib/modules/$name"
        echo "$name" >>"$guest/modules"
    done
done

cp "$root/etc/bluetooth/main.conf" "$guest/etc/bluetooth/"
echo 'root:x:0:0:root:/root:/bin/sh' >"$guest/etc/passwd"
echo 'root:x:0:' >"$guest/etc/group"
echo deadbeefdeadbeefdeadbeefdeadbeef >"$guest/etc/machine-id"
# Anybody may do anything on it: it is the guest's, and reached through this machine's loopback alone.
cat >"$guest/etc/dbus-1/bus.conf" <<'CONF'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <listen>tcp:host=0.0.0.0,port=5555,family=ipv4</listen>
  <auth>EXTERNAL</auth>
  <auth>ANONYMOUS</auth>
  <allow_anonymous/>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow send_type="method_call"/>
    <allow send_type="signal"/>
  </policy>
</busconfig>
CONF
# `radio=` on the kernel's command line: `hvc0`, a controller beyond the virtual console, or `virtual`, two on one air of their own.
cat >"$guest/init" <<'INIT'
#!/bin/busybox sh
export PATH=/bin:/usr/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mkdir -p /run/dbus
while read -r module; do insmod "/lib/modules/$module" || echo "insmod $module failed"; done </modules
ifconfig lo 127.0.0.1 up
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
hostname guest
dbus-daemon --config-file=/etc/dbus-1/bus.conf --fork --nopidfile
last=hci0
case " $(cat /proc/cmdline) " in
*" radio=virtual "*)
    last=hci1
    btvirt -L -l2 >/dev/null &
    ;;
*) btattach -B /dev/hvc0 -S 3000000 -P h4 & ;;
esac
bluetoothd -n -f /etc/bluetooth/main.conf 2>&1 &
# The adapter alone is too early: its users see none that has no power.
tries=0
until dbus-send --bus=unix:path=/run/dbus/system_bus_socket --print-reply --dest=org.bluez /org/bluez/$last \
    org.freedesktop.DBus.Properties.Get string:org.bluez.Adapter1 string:Powered 2>/dev/null | grep -q 'boolean true'; do
    tries=$((tries + 1))
    [ $tries -lt 1200 ] || break
    usleep 50000
done
[ $tries -ge 1200 ] || echo "GUEST READY"
while :; do sleep 3600; done
INIT
chmod +x "$guest/init"
(cd "$guest" && find . | "$root/bin/busybox" cpio -o -H newc 2>/dev/null) >"$prefix/guest.cpio.part"
rm -r "$guest"
mv "$prefix/guest.cpio.part" "$prefix/guest.cpio"
