"""Bank, token and phone as programs, the token as a card in vpcd's reader; a script presses the token's keys through its HTTP face.

Usage: python3 drive.py PROGRAMS     in the namespaces that run.sh makes.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

PROGRAMS = os.path.abspath(sys.argv[1])
READER = "127.0.0.1:35963"
FACE = "http://127.0.0.1:7341"
PIN = "204619"
AID = "00a4040009f055534849454c440100"
WAIT = 60


class Wrong(Exception):
    pass


def program(name, *arguments, secrets="", stdin=None):
    """Runs a program to its end; what it printed."""
    command = [os.path.join(PROGRAMS, name), *arguments]
    done = subprocess.run(command, input=secrets.encode(), capture_output=True, timeout=WAIT)
    if done.returncode != 0:
        raise Wrong(f"{' '.join(command)} ended with {done.returncode}: {done.stdout.decode()} {done.stderr.decode()}")
    return done.stdout.decode()


def until(what, found):
    """Waits, with a bound."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise Wrong(f"no {what} in {WAIT} s")


def face(method, path):
    request = urllib.request.Request(FACE + path, method=method, headers={"X-UShield": "1"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def screen():
    try:
        return face("GET", "/screen")
    except OSError:
        return None


def press(key, serial):
    try:
        face("POST", f"/key/{key}?serial={serial}")
    except urllib.error.HTTPError:
        pass  # The screen changed: it is read again.


def menu_to_pairing():
    for key in ("cancel", "cancel", "cancel", "ok", "ok"):
        press(key, screen()["serial"])
    if "PAIR A PHONE" not in screen()["text"]:
        raise Wrong(f"the menu led to {screen()['text']}")


class Phone:
    def __init__(self, folder):
        self.home = os.path.join(folder, "phone")

    def command(self, *arguments):
        return [os.path.join(PROGRAMS, "ushield"), "--home", self.home, "--json", "--lang", "en", "--secrets-fd", "0", *arguments]

    def run(self, *arguments, secrets=(), hand=None):
        """A command, with a hand at the token meanwhile. Its JSON."""
        process = subprocess.Popen(self.command(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for line in secrets:
            process.stdin.write(f"{line}\n".encode())
        process.stdin.flush()
        said, errors = [], []
        readers = [
            threading.Thread(target=lambda: said.append(process.stdout.read()), daemon=True),
            threading.Thread(target=lambda: errors.extend(process.stderr), daemon=True),
        ]
        for reader in readers:
            reader.start()
        end = time.monotonic() + WAIT
        while process.poll() is None:
            if time.monotonic() > end:
                process.kill()
                raise Wrong(f"{arguments} does not end: {b''.join(errors).decode()} screen {screen()}")
            if hand:
                hand(process)
            time.sleep(0.02)
        for reader in readers:
            reader.join()
        if process.returncode != 0:
            raise Wrong(f"{arguments} ended with {process.returncode}: {said[0].decode()} {b''.join(errors).decode()}")
        return json.loads(said[0])


class Hand:
    """Reads what the screen shows and presses what a careful customer would."""

    def __init__(self, slow=0.0):
        self.slow, self.told, self.pages = slow, False, []

    def __call__(self, process):
        now = screen()
        if not now:
            return
        text, serial = now["text"], now["serial"]
        lines = text.split("\n")
        first, last = lines[0], lines[-1]
        if "PAIR" in first and any(line.replace(" ", "").isdigit() and len(line.replace(" ", "")) == 6 for line in lines):
            digits = next(line.replace(" ", "") for line in lines if line.replace(" ", "").isdigit())
            if not self.told:
                process.stdin.write(f"token-digits={digits}\n".encode())
                process.stdin.flush()
                self.told = True
            if "OK" in last:
                press("ok", serial)
        elif "↓next" in last:
            self.pages.append(text)
            press("down", serial)
        elif "OK approve" in last:
            self.pages.append(text)
            time.sleep(self.slow)
            press("ok", serial)
        elif "OK yes" in last:
            press("ok", serial)


def transfer(phone, amount, hand, *more):
    return phone.run(
        "transfer", "--from", "6222021001116245702", "--to", "6217001210024455220", "--name", "杭州西湖龙井茶业有限公司",
        "--agent", "中国建设银行杭州分行", "--amount", amount, "--currency", "CNY", "--text", "十一月货款 2026-11", "--cost", *more,
        secrets=[f"pin={PIN}"], hand=hand,
    )


def stranger(arguments):
    """opensc-tool reads the card."""
    done = subprocess.run(["opensc-tool", "-r", "0", "-n", *arguments], capture_output=True, timeout=WAIT)
    return (done.stdout + done.stderr).decode()


def main(folder):
    at = lambda *names: os.path.join(folder, *names)
    program("ushield-bank", "init", "--data", at("bank"), "--bank-id", "DEMOCNBJ", "--name", "Test bank")
    program("ushield-bank", "customer", "add", "li", "--data", at("bank"), "--account", "6222021001116245702",
            "--balance", "1000000", "--currency", "CNY", "--secrets-fd", "0", secrets="correct horse battery\n")
    program("ushield-token", "personalise", "--state", at("token"), "--maker", at("maker"), "--bank-trust", at("bank", "trust.json"), "--locale", "en")
    program("ushield-bank", "token", "hand-out", "--data", at("bank"), "--customer", "li", "--device", at("token", "device.json"),
            "--maker-root", at("maker", "root.pem"))
    services = [
        subprocess.Popen([os.path.join(PROGRAMS, "ushield-bank"), "serve", "--data", at("bank"), "--listen", "127.0.0.1:8443"],
                         stdin=subprocess.DEVNULL, stdout=open(at("bank.log"), "w"), stderr=subprocess.STDOUT),
        subprocess.Popen([os.path.join(PROGRAMS, "ushield-token"), "run", "--state", at("token"), "--face", "none", "--vpcd", READER],
                         stdin=subprocess.DEVNULL, stdout=open(at("token.log"), "w"), stderr=subprocess.STDOUT),
    ]
    try:
        until("screen of the token", screen)
        until("card in the reader", lambda: "Card not present" not in stranger(["-a"]) and "3b" in stranger(["-a"]))
        story(folder, at)
    finally:
        for service in services:
            service.terminate()
            service.wait()


def story(folder, at):
    phone = Phone(folder)
    phone.run("init", "--bank", "https://127.0.0.1:8443", "--bank-ca", at("bank", "tls-ca.pem"), "--trust", at("bank", "trust.json"),
              "--maker-root", at("maker", "root.pem"), "--customer", "li", "--phone", "Li", "--token", "pcsc",
              secrets=["password=correct horse battery"])
    passed = []

    def step(name, result=None):
        passed.append(name)
        print(f"ok   {name}{'' if result is None else ': ' + str(result)}", flush=True)

    if "90 00" not in stranger(["-s", AID]).upper().replace("SW1=0X90, SW2=0X00", "90 00"):
        raise Wrong(f"opensc-tool and SELECT: {stranger(['-s', AID])}")
    step("a stranger selects the application")
    menu_to_pairing()
    phone.run("token", "pair", hand=Hand())
    step("paired over the reader")
    phone.run("pin", "change", secrets=["pin=12345678", f"new-pin={PIN}"], hand=Hand())
    step("PIN changed")
    phone.run("certificate", "download", secrets=[f"pin={PIN}"], hand=Hand())
    step("certificate downloaded")

    done = transfer(phone, "1234.50", Hand())
    air = done["air"]
    step("a transfer by one tap", air)
    if air["exchanges"] > 5 or air["bytes"] > 950:
        raise Wrong(f"one tap takes {air}, 5 commands and 950 bytes at most")
    stranger(["-s", "00a4040005a000000003", "-s", "00ca000000"])
    done = transfer(phone, "77.00", Hand(slow=1.0))
    step("a transfer after a stranger has asked for other applications", done["air"])

    books = json.loads(program("ushield-bank", "ledger", "--data", at("bank"), "--json"))
    executed = [order for order in books["orders"] if order["executed"] and order["operation"] == "transfer"]
    if len(executed) != 2:
        raise Wrong(f"the bank executed {len(executed)} transfers, not 2")
    step("the bank's books", f"{len(executed)} transfers, each once")
    print(f"{len(passed)} passed, 0 failed")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        try:
            main(folder)
        except (Wrong, subprocess.TimeoutExpired) as wrong:
            print(f"FAILED: {wrong}", file=sys.stderr)
            for log in ("bank.log", "token.log"):
                path = os.path.join(folder, log)
                if os.path.exists(path):
                    print(f"-- {log}\n{open(path).read()}", file=sys.stderr)
            sys.exit(1)
