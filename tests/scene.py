"""What the system tests share: bank, token and phone as programs, and a hand that presses the token's keys through its HTTP face."""

import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request

PIN = "204619"
WAIT = 60


class Wrong(Exception):
    pass


def until(what, found):
    """Waits, with a bound."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise Wrong(f"no {what} in {WAIT} s")


class Scene:
    """A folder, and what runs in it."""

    def __init__(self, programs, folder, face_port=7341, bank_port=8443, environment=None):
        self.programs, self.folder, self.services = os.path.abspath(programs), folder, []
        self.environment = {**os.environ, **(environment or {})}
        self.face_port, self.bank = face_port, f"127.0.0.1:{bank_port}"

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def path(self, name):
        return os.path.join(self.programs, name)

    def program(self, name, *arguments, secrets=""):
        """Runs a program to its end; what it printed."""
        command = [self.path(name), *arguments]
        done = subprocess.run(command, input=secrets.encode(), capture_output=True, timeout=WAIT)
        if done.returncode != 0:
            raise Wrong(f"{' '.join(command)} ended with {done.returncode}: {done.stdout.decode()} {done.stderr.decode()}")
        return done.stdout.decode()

    def start(self, command, log, environment=None):
        output = open(self.at(log), "w")
        service = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   env=environment or self.environment)
        self.services.append(service)

    def stop(self):
        for service in reversed(self.services):
            service.terminate()
        for service in self.services:
            try:
                service.wait(10)
            except subprocess.TimeoutExpired:
                service.kill()

    def prepare(self, *token):
        """A bank with a customer, a token that was handed out to him; both run, the token with these options too."""
        at = self.at
        self.program("ushield-bank", "init", "--data", at("bank"), "--bank-id", "DEMOCNBJ", "--name", "Test bank")
        self.program("ushield-bank", "customer", "add", "li", "--data", at("bank"), "--account", "6222021001116245702",
                     "--balance", "1000000", "--currency", "CNY", "--secrets-fd", "0", secrets="correct horse battery\n")
        self.program("ushield-token", "personalise", "--state", at("token"), "--maker", at("maker"),
                     "--bank-trust", at("bank", "trust.json"), "--locale", "en")
        self.program("ushield-bank", "token", "hand-out", "--data", at("bank"), "--customer", "li",
                     "--device", at("token", "device.json"), "--maker-root", at("maker", "root.pem"))
        self.start([self.path("ushield-bank"), "serve", "--data", at("bank"), "--listen", self.bank], "bank.log")
        self.start([self.path("ushield-token"), "run", "--state", at("token"), "--face", "none", "--listen", "127.0.0.1:0",
                    "--http", f"127.0.0.1:{self.face_port}", *token], "token.log")
        until("screen of the token", self.screen)

    def face(self, method, path):
        url = f"http://127.0.0.1:{self.face_port}{path}"
        request = urllib.request.Request(url, method=method, headers={"X-UShield": "1"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def screen(self):
        try:
            return self.face("GET", "/screen")
        except OSError:
            return None

    def press(self, key, serial):
        try:
            self.face("POST", f"/key/{key}?serial={serial}")
        except urllib.error.HTTPError:
            pass  # The screen changed: it is read again.

    def menu_to_pairing(self):
        for key in ("cancel", "cancel", "cancel", "ok", "ok"):
            self.press(key, self.screen()["serial"])
        if "PAIR A PHONE" not in self.screen()["text"]:
            raise Wrong(f"the menu led to {self.screen()['text']}")

    def init(self, phone, token):
        phone.run("init", "--bank", f"https://{self.bank}", "--bank-ca", self.at("bank", "tls-ca.pem"),
                  "--trust", self.at("bank", "trust.json"), "--maker-root", self.at("maker", "root.pem"), "--customer", "li",
                  "--phone", "Li", "--token", token, secrets=["password=correct horse battery"])

    def change_pin(self, phone):
        phone.run("pin", "change", secrets=["pin=12345678", f"new-pin={PIN}"], hand=Hand())

    def certificate(self, phone):
        phone.run("certificate", "download", secrets=[f"pin={PIN}"], hand=Hand())

    def transfer(self, phone, amount, hand, *more):
        return phone.run(
            "transfer", "--from", "6222021001116245702", "--to", "6217001210024455220", "--name", "杭州西湖龙井茶业有限公司",
            "--agent", "中国建设银行杭州分行", "--amount", amount, "--currency", "CNY", "--text", "十一月货款 2026-11", "--cost", *more,
            secrets=[f"pin={PIN}"], hand=hand,
        )

    def executed(self):
        """How many transfers the bank has executed."""
        books = json.loads(self.program("ushield-bank", "ledger", "--data", self.at("bank"), "--json"))
        return len([order for order in books["orders"] if order["executed"] and order["operation"] == "transfer"])


class Phone:
    def __init__(self, scene):
        self.scene = scene

    def command(self, *arguments):
        return [self.scene.path("ushield"), "--home", self.scene.at("phone"), "--json", "--lang", "en", "--secrets-fd", "0", *arguments]

    def run(self, *arguments, secrets=(), hand=None):
        """A command, with a hand at the token meanwhile. Its JSON."""
        process = subprocess.Popen(
            self.command(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.scene.environment,
        )
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
                raise Wrong(f"{arguments} does not end: {b''.join(errors).decode()} screen {self.scene.screen()}")
            if hand:
                hand.look(self.scene, process)
            time.sleep(0.02)
        for reader in readers:
            reader.join()
        errors = b"".join(errors).decode()
        if process.returncode != 0:
            raise Wrong(f"{arguments} ended with {process.returncode}: {said[0].decode()} {errors}")
        if "panicked" in errors:
            raise Wrong(f"{arguments}: {errors}")
        return json.loads(said[0])


class Hand:
    """Reads what the screen shows and presses what a careful customer would."""

    def __init__(self, slow=0.0):
        self.slow, self.told, self.pages = slow, False, []

    def look(self, scene, process):
        now = scene.screen()
        if not now:
            return
        text, serial = now["text"], now["serial"]
        lines = text.split("\n")
        first, last = lines[0], lines[-1]
        digits = [line.replace(" ", "") for line in lines if line.replace(" ", "").isdigit() and len(line.replace(" ", "")) == 6]
        if "PAIR" in first and digits:
            if not self.told:
                process.stdin.write(f"token-digits={digits[0]}\n".encode())
                process.stdin.flush()
                self.told = True
            if "OK" in last:
                scene.press("ok", serial)
        elif "↓next" in last:
            self.pages.append(text)
            scene.press("down", serial)
        elif "OK approve" in last:
            self.pages.append(text)
            self.approves()
            scene.press("ok", serial)
        elif "OK yes" in last:
            scene.press("ok", serial)

    def approves(self):
        """The last page is read."""
        time.sleep(self.slow)
