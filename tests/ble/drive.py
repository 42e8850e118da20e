"""Bank, token and phone as programs, a real BlueZ in a guest between phone and token; a script presses the token's keys through its HTTP face.

Usage: python3 drive.py PROGRAMS PREFIX     PREFIX is what guest.sh made; with its Python, which has Bumble.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from scene import Hand, Phone, Scene, Wrong, until  # noqa: E402

PREFIX = os.path.abspath(sys.argv[2])
# A phone that is not told of a loss finds it after 15 s of silence.
TOLD = 8.0
# What an order may cost (two exchanges, and bytes of messages).
EXCHANGES, BYTES = 2, 850
KEEP_ALIVE = 2.0
# Of order, at which write the radio is lost: with K1 before it, in the middle of the order.
IN_THE_ORDER = {23: 14, 185: 4, 517: 3}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Guest:
    """Debian's kernel and BlueZ; its bus is at a port of this machine, its controller at a socket."""

    def __init__(self, folder, radio):
        root, self.console = f"{PREFIX}/root", os.path.join(folder, "console.log")
        self.hci, port = os.path.join(folder, "hci"), free_port()
        self.bus = f"tcp:host=127.0.0.1,port={port}"
        libraries = f"{root}/usr/lib/x86_64-linux-gnu"
        # Bounded even when nobody is there any more to end it.
        self.command = [
            "timeout", "900", f"{root}/lib64/ld-linux-x86-64.so.2", "--library-path", f"{libraries}:{root}/lib/x86_64-linux-gnu",
            f"{root}/usr/bin/qemu-system-x86_64", "-L", f"{root}/usr/share/qemu", "-L", f"{root}/usr/share/seabios",
            "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max", "-smp", "1", "-m", "256", "-no-reboot", "-nodefaults",
            "-no-user-config", "-display", "none", "-vga", "none", "-chardev", f"file,id=console,path={self.console}",
            "-serial", "chardev:console", "-chardev", f"socket,id=hci,path={self.hci},server=on,wait=off",
            "-device", "virtio-serial-pci", "-device", "virtconsole,chardev=hci",
            "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:5555",
            "-device", "virtio-net-pci,netdev=net,romfile=", "-kernel", f"{root}/boot/kernel", "-initrd", f"{PREFIX}/guest.cpio",
            "-append", f"console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off radio={radio}",
        ]
        self.environment = {**os.environ, "QEMU_MODULE_DIR": f"{libraries}/qemu"}

    def is_ready(self):
        return os.path.exists(self.console) and "GUEST READY" in open(self.console, errors="replace").read()


class Air:
    """What the peripheral saw, and what a test does to it."""

    def __init__(self, log, port):
        self.log, self.port = log, port

    def events(self, since=0.0):
        if not os.path.exists(self.log):
            return []
        lines = open(self.log).read().split("\n")
        return [event for event in map(json.loads, filter(None, lines[:-1])) if event["t"] >= since]

    def of(self, kind, since):
        return [event for event in self.events(since) if event["event"] == kind]

    def do(self, **command):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as control:
            control.sendall(json.dumps(command).encode() + b"\n")
            if control.recv(16) != b"{}\n":
                raise Wrong(f"the peripheral does not do {command}")


class Customer(Hand):
    """Reads for a while, lets something happen to the radio, and approves. Knows how long all of that took."""

    def __init__(self, slow=0.0, meanwhile=None):
        super().__init__(slow)
        self.meanwhile, self.began, self.ended = meanwhile, None, None

    def look(self, scene, process):
        before = len(self.pages)
        super().look(scene, process)
        if before == 0 and self.pages:
            self.began = self.began or time.monotonic()

    def approves(self):
        self.began = self.began or time.monotonic()
        super().approves()
        if self.meanwhile:
            self.meanwhile()
        self.ended = time.monotonic()


def is_keep_alive(value):
    return len(value) == 6 and value[0] == "d"


def same_fragment(one, other):
    """A start that is sent again may acknowledge something else."""
    start = int(one[:2], 16) >= 0x80
    return one == other or (start and one[:2] == other[:2] and one[3:] == other[3:])


class Story:
    def __init__(self, scene, phone, air):
        self.scene, self.phone, self.air, self.amount, self.passed = scene, phone, air, 0, []

    def step(self, name, result=None):
        self.passed.append(name)
        print(f"ok   {name}{'' if result is None else ': ' + result}", flush=True)

    def transfer(self, customer):
        # BlueZ ends the connection before two seconds after it is told to; that is not this transfer's.
        until("end of the connection before", self.is_free)
        self.amount += 1
        began = time.monotonic()
        done = self.scene.transfer(self.phone, f"{self.amount}.50", customer)
        return done, began, time.monotonic() - began - (customer.ended - customer.began)

    def is_free(self):
        ends = [event["event"] for event in self.air.events() if event["event"] in ("connected", "disconnected")]
        return ends and ends[-1] == "disconnected"

    def plain(self, mtu):
        customer = Customer(slow=7.0)
        done, began, took = self.transfer(customer)
        agreed = [event["mtu"] for event in self.air.of("mtu", began)] or [23]
        if agreed[-1] != mtu:
            raise Wrong(f"MTU {agreed[-1]} was agreed on, not {mtu}")
        cost, air = done["cost"], done["air"]
        if cost["exchanges"] != EXCHANGES or cost["bytes"] > BYTES:
            raise Wrong(f"a transfer costs {cost}, {EXCHANGES} exchanges and {BYTES} bytes at most")
        values = [event["value"] for event in self.air.events(began) if event["event"] in ("written", "notified")]
        counted = [value for value in values if not is_keep_alive(value)]
        seen = {"exchanges": 1 + len(counted), "bytes": 13 + sum(len(value) // 2 for value in counted),
                "keep_alives": len(values) - len(counted), "polls": 0}
        if any(air[name] != number for name, number in seen.items()):
            raise Wrong(f"the phone counted {air}, the peripheral {seen}")
        # A second for the acknowledgement of what came before.
        reading = [event for event in self.air.events(customer.began) if event["t"] < customer.ended]
        written = [event["value"] for event in reading if event["event"] == "written"]
        if any(len(value) != 2 or value[0] != "f" for value in written):
            raise Wrong(f"while the customer reads the phone writes {written}")
        notified = [event["value"] for event in reading if event["event"] == "notified"]
        alive = sum(map(is_keep_alive, notified))
        most = (customer.ended - customer.began) / KEEP_ALIVE + 1
        if not 1 <= alive <= most:
            raise Wrong(f"{alive} keep-alives in {customer.ended - customer.began:.1f} s of reading: {notified}")
        connected = self.air.of("connected", began)[0]["t"] - began
        self.step(
            f"MTU {mtu}: a transfer",
            f"{cost['exchanges']} exchanges and {cost['bytes']} bytes of messages; on air {air['exchanges']} values, {air['bytes']} bytes; "
            f"{took:.2f} s without the customer, {connected:.2f} s of it until connected; while he read for "
            f"{customer.ended - customer.began:.1f} s {len(written)} ACKs of a byte and {alive} keep-alives",
        )

    def loss_while_reading(self, mtu):
        gap = []

        def lose():
            lost = time.monotonic()
            self.air.do(lose="now")
            until("connection after a loss", lambda: self.air.of("connected", lost))
            gap.append(self.air.of("connected", lost)[0]["t"] - self.air.of("lost", lost)[0]["t"])
            # The phone asks for the order again and waits.
            until("answer to the phone", lambda: len(self.air.of("written", lost)) > 1 and self.air.of("notified", lost))

        self.transfer(Customer(slow=1.0, meanwhile=lose))
        if gap[0] > TOLD:
            raise Wrong(f"{gap[0]:.1f} s from a radio loss to a new connection: a time-out and no event ended the wait")
        self.step(f"MTU {mtu}: a radio loss while the customer reads", f"connected again {gap[0]:.2f} s after it")

    def loss_in_the_order(self, mtu):
        self.air.do(lose=IN_THE_ORDER[mtu])
        # At MTU 517 the third write is the acknowledgement of `shown`: a customer who is faster than that leaves none to be lost.
        _, began, took = self.transfer(Customer(slow=1.0))
        connections, lost = self.air.of("connected", began), self.air.of("lost", began)
        if len(connections) != 2 or len(lost) != 1:
            raise Wrong(f"{len(connections)} connections and {len(lost)} losses")
        before = [event["value"] for event in self.air.of("written", began) if event["t"] < lost[0]["t"]]
        sealed = [value for value in before if value[0] == "b"]
        if not sealed:
            raise Wrong(f"the radio was lost before the order: {before}")
        gap = connections[1]["t"] - lost[0]["t"]
        if gap > TOLD:
            raise Wrong(f"{gap:.1f} s from a radio loss to a new connection")
        self.step(
            f"MTU {mtu}: a radio loss in the middle of the order, and a resume",
            f"after {len(before)} values; connected again {gap:.2f} s after it; {took:.2f} s without the customer",
        )

    def lost_notification(self, mtu, name, prepare, customer):
        prepare()
        _, began, took = self.transfer(customer)
        dropped = self.air.of("dropped", began)
        if len(dropped) != 1:
            raise Wrong(f"{len(dropped)} notifications were lost")
        again = [event for event in self.air.of("notified", dropped[0]["t"]) if same_fragment(event["value"], dropped[0]["value"])]
        if not is_keep_alive(dropped[0]["value"]) and not again:
            raise Wrong(f"{dropped[0]} was not sent again")
        if len(self.air.of("connected", began)) != 1:
            raise Wrong("a lost notification ended the connection")
        after = f"sent again {again[0]['t'] - dropped[0]['t']:.2f} s later" if again else "a keep-alive, which nobody misses"
        self.step(f"MTU {mtu}: {name} is lost", f"{after}; {took:.2f} s without the customer")

    def tell(self):
        self.scene.menu_to_pairing()
        self.air.do(mtu=23)
        self.phone.run("token", "pair", hand=Hand())
        self.step("paired over MTU 23")
        self.scene.change_pin(self.phone)
        self.step("PIN changed")
        self.scene.certificate(self.phone)
        self.step("certificate downloaded over MTU 23")
        until("end of the connection before", self.is_free)
        reach = self.phone.run("token", "list")["in_reach"]
        if [token["state"] for token in reach if token["link"] == "ble"] != ["paired"]:
            raise Wrong(f"in reach are {reach}")
        self.step("the token is in reach, and recognised by what it advertises")
        for mtu in (23, 185, 517):
            self.air.do(mtu=mtu)
            self.plain(mtu)
            self.loss_while_reading(mtu)
            self.loss_in_the_order(mtu)
            self.lost_notification(mtu, "a part of K2 or what follows it", lambda: self.air.do(drop=2), Customer())
            self.lost_notification(mtu, "the answer's start", lambda: None, Customer(meanwhile=lambda: self.air.do(drop=1)))
        executed = self.scene.executed()
        if executed != self.amount:
            raise Wrong(f"the bank executed {executed} transfers, not {self.amount}")
        self.step("the bank's books", f"{executed} transfers, each once")
        return len(self.passed)


class Setting:
    """A guest and a scene whose programs use its bus."""

    def __init__(self, folder, radio):
        self.guest = Guest(folder, radio)
        environment = {"DBUS_SYSTEM_BUS_ADDRESS": self.guest.bus}
        self.scene = Scene(sys.argv[1], folder, face_port=free_port(), bank_port=free_port(), environment=environment)
        self.began = time.monotonic()

    def __enter__(self):
        self.scene.start(self.guest.command, "qemu.log", self.guest.environment)
        return self

    def __exit__(self, *_):
        self.scene.stop()

    def ready(self):
        until("guest with a radio that is on", self.guest.is_ready)
        print(f"guest with BlueZ up in {time.monotonic() - self.began:.1f} s", flush=True)


def over_bumble(folder):
    """The token at a controller whose air is in our hand."""
    with Setting(folder, "hvc0") as setting:
        gatt, control = free_port(), free_port()
        air = Air(os.path.join(folder, "air.log"), control)
        until("socket of the guest's controller", lambda: os.path.exists(setting.guest.hci))
        peripheral = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peripheral.py")
        setting.scene.start([sys.executable, peripheral, setting.guest.hci, str(gatt), str(control), air.log], "peripheral.log")
        setting.scene.prepare("--gatt", f"127.0.0.1:{gatt}")
        setting.ready()
        until("token at the radio", lambda: air.of("plugged", 0.0))
        phone = Phone(setting.scene)
        setting.scene.init(phone, "ble")
        return Story(setting.scene, phone, air).tell()


def over_own_radio(folder):
    """The token as a GATT server of BlueZ's, at a second radio of the guest's."""
    with Setting(folder, "virtual") as setting:
        setting.ready()
        scene = setting.scene
        scene.prepare("--ble", "hci1")
        phone = Phone(scene)
        scene.init(phone, "ble:hci0")
        scene.menu_to_pairing()
        phone.run("token", "pair", hand=Hand())
        scene.change_pin(phone)
        scene.certificate(phone)
        done = scene.transfer(phone, "1234.50", Hand())
        cost = done["cost"]
        if cost["exchanges"] != EXCHANGES or cost["bytes"] > BYTES or scene.executed() != 1:
            raise Wrong(f"a transfer costs {cost}, and {scene.executed()} were executed")
        print(f"ok   the token on a radio of BlueZ's: paired, certified, a transfer by {done['air']}", flush=True)
        return 1


def main(story):
    with tempfile.TemporaryDirectory() as folder:
        try:
            return story(folder)
        except (Wrong, subprocess.TimeoutExpired, OSError) as wrong:
            print(f"FAILED: {wrong}", file=sys.stderr)
            for log in ("console.log", "qemu.log", "peripheral.log", "bank.log", "token.log", "air.log"):
                path = os.path.join(folder, log)
                if os.path.exists(path):
                    print(f"-- {log}\n" + "".join(open(path, errors="replace").readlines()[-60:]), file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    # So that what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    stories = [over_own_radio, over_bumble]
    print(f"{sum(map(main, stories))} passed, 0 failed")
