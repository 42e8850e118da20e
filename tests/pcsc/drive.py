"""Bank, token and phone as programs, the token as a card in vpcd's reader; a script presses the token's keys through its HTTP face.

Usage: python3 drive.py PROGRAMS     in the namespaces that run.sh makes.
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from scene import WAIT, Hand, Phone, Scene, Wrong, until  # noqa: E402

READER = "127.0.0.1:35963"
AID = "00a4040009f055534849454c440100"


def stranger(arguments):
    """opensc-tool reads the card."""
    done = subprocess.run(["opensc-tool", "-r", "0", "-n", *arguments], capture_output=True, timeout=WAIT)
    return (done.stdout + done.stderr).decode()


def main(folder):
    scene = Scene(sys.argv[1], folder)
    try:
        scene.prepare("--vpcd", READER)
        until("card in the reader", lambda: "Card not present" not in stranger(["-a"]) and "3b" in stranger(["-a"]))
        story(scene)
    finally:
        scene.stop()


def story(scene):
    phone = Phone(scene)
    scene.init(phone, "pcsc")
    passed = []

    def step(name, result=None):
        passed.append(name)
        print(f"ok   {name}{'' if result is None else ': ' + str(result)}", flush=True)

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

    done = scene.transfer(phone, "1234.50", Hand())
    air = done["air"]
    step("a transfer by one tap", air)
    if air["exchanges"] > 5 or air["bytes"] > 950:
        raise Wrong(f"one tap takes {air}, 5 commands and 950 bytes at most")
    stranger(["-s", "00a4040005a000000003", "-s", "00ca000000"])
    done = scene.transfer(phone, "77.00", Hand(slow=1.0))
    step("a transfer after a stranger has asked for other applications", done["air"])

    executed = scene.executed()
    if executed != 2:
        raise Wrong(f"the bank executed {executed} transfers, not 2")
    step("the bank's books", f"{executed} transfers, each once")
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
