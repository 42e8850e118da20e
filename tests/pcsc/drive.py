"""Bank, token and phone as programs, tokens as cards in vpcd's two readers; a script presses their keys through the HTTP faces.

Usage: python3 drive.py PROGRAMS     in the namespaces that run.sh makes.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from scene import WAIT, Hand, Phone, Scene, Wrong, until  # noqa: E402

READERS = [("127.0.0.1", 35963), ("127.0.0.1", 35964)]
AID = "00a4040009f055534849454c440100"


class Field:
    """Between a token and a reader: a card that can be taken away, and put there or into the other reader."""

    def __init__(self, port, reader):
        self.reader, self.sockets, self.lock = reader, [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            token, _ = self.listener.accept()
            with self.lock:
                if self.reader is None:
                    token.close()
                    continue
                reader = socket.create_connection(READERS[self.reader])
                for end in (token, reader):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.sockets += [token, reader]
            for ends in ((token, reader), (reader, token)):
                threading.Thread(target=self.carry, args=ends, daemon=True).start()

    def carry(self, origin, goal):
        try:
            while True:
                # vpcd writes length and body apart: without this each command waits 40 ms for an acknowledgement.
                if hasattr(socket, "TCP_QUICKACK"):
                    origin.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                data = origin.recv(65536)
                if not data:
                    break
                goal.sendall(data)
        except OSError:
            pass
        for end in (origin, goal):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def take_away(self):
        self.put(None)

    def put(self, reader):
        """Into this reader; none takes it away."""
        with self.lock:
            self.reader = reader
            for end in self.sockets:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.sockets = []


class TwoTaps(Hand):
    """Takes the token away once it shows the order, reads it and presses OK, and holds it there again."""

    def __init__(self, field):
        super().__init__()
        self.field, self.away = field, False

    def look(self, scene, process):
        now = scene.screen()
        if now and not self.away and "↓next" in now["text"].split("\n")[-1]:
            # The phone is told `shown` with its next poll.
            time.sleep(1)
            self.field.take_away()
            self.away = True
        super().look(scene, process)
        if self.away and now and "APPROVED" in now["text"].upper():
            self.field.put(0)


def stranger(arguments, reader=0):
    """opensc-tool reads the card."""
    done = subprocess.run(["opensc-tool", "-r", str(reader), "-n", *arguments], capture_output=True, timeout=WAIT)
    return (done.stdout + done.stderr).decode()


def card_in(reader):
    said = stranger(["-a"], reader)
    return "Card not present" not in said and "3b" in said


def main(folder):
    scene = Scene(sys.argv[1], folder)
    field = Field(36963, 0)
    try:
        scene.prepare("--vpcd", "127.0.0.1:36963")
        until("card in the reader", lambda: card_in(0))
        story(scene, field)
    finally:
        scene.stop()


def story(scene, field):
    phone = Phone(scene)
    scene.init(phone, "pcsc")
    passed = []

    def step(name, result=None):
        passed.append(name)
        print(f"ok   {name}{'' if result is None else ': ' + str(result)}", flush=True)

    def within(air, commands, most, what):
        if air["exchanges"] > commands or air["bytes"] > most:
            raise Wrong(f"{what} takes {air}, {commands} commands and {most} bytes at most")

    if "90 00" not in stranger(["-s", AID]).upper().replace("SW1=0X90, SW2=0X00", "90 00"):
        raise Wrong(f"opensc-tool and SELECT: {stranger(['-s', AID])}")
    step("a stranger selects the application")
    scene.menu_to_pairing()
    phone.run("token", "pair", hand=Hand())
    step("paired over the reader")
    scene.change_pin(phone)
    step("PIN changed")
    scene.certificate(phone)
    step("certificate downloaded")

    air = scene.transfer(phone, "1234.50", Hand())["air"]
    within(air, 5, 950, "one tap")
    step("a transfer by one tap", air)
    air = scene.transfer(phone, "55.00", TwoTaps(field))["air"]
    within(air, 7, 1150, "two taps")
    step("a transfer by two taps", air)
    until("card in the reader", lambda: card_in(0))
    stranger(["-s", "00a4040005a000000003", "-s", "00ca000000"])
    air = scene.transfer(phone, "77.00", Hand(slow=1.0))["air"]
    step("a transfer after a stranger has asked for other applications", air)
    air = scene.transfer(phone, "78.00", Hand(), "--link", "pcsc+extended")["air"]
    within(air, 4, 950, "one tap with extended length")
    step("a transfer by one command of extended length", air)

    second = Scene(sys.argv[1], scene.at("second"), face_port=7351)
    os.mkdir(scene.at("second"))
    try:
        second.program("ushield-token", "personalise", "--state", second.at("token"), "--maker", scene.at("maker"),
                       "--bank-trust", scene.at("bank", "trust.json"), "--locale", "en")
        # The stranger lies in the first reader, the right one in the second.
        field.put(1)
        until("empty reader", lambda: not card_in(0))
        second.start([second.path("ushield-token"), "run", "--state", second.at("token"), "--face", "none", "--listen", "127.0.0.1:0",
                      "--http", "127.0.0.1:7351", "--vpcd", "127.0.0.1:35963"], "token.log")
        until("two cards", lambda: card_in(0) and card_in(1))
        seen = phone.run("token", "list")["in_reach"]
        states = sorted((token["state"], token["name"]) for token in seen)
        if [state for state, _ in states] != ["others", "paired"]:
            raise Wrong(f"two cards are in reach, and listed as {seen}")
        step("both cards are listed, and whose they are", states)
        air = scene.transfer(phone, "79.00", Hand())["air"]
        step("the right one of two cards is found", air)
    finally:
        second.stop()

    executed = scene.executed()
    if executed != 5:
        raise Wrong(f"the bank executed {executed} transfers, not 5")
    step("the bank's books", f"{executed} transfers, each once")
    print(f"{len(passed)} passed, 0 failed")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        try:
            main(folder)
        except (Wrong, subprocess.TimeoutExpired) as wrong:
            print(f"FAILED: {wrong}", file=sys.stderr)
            for log in ("bank.log", "token.log", "second/token.log"):
                path = os.path.join(folder, log)
                if os.path.exists(path):
                    print(f"-- {log}\n{open(path).read()}", file=sys.stderr)
            sys.exit(1)
