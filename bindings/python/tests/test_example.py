"""The example, as a person at a terminal runs it."""

import asyncio
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from world import BOUND, INITIAL_PIN, PASSWORD, PIN, Hand, Scene, answers, free_port, until

EXAMPLE = Path(__file__).resolve().parents[1] / "example.py"
MOST_LINES = 60


class Example(unittest.IsolatedAsyncioTestCase):
    def test_it_is_sixty_lines_at_most(self) -> None:
        lines = len(EXAMPLE.read_text().splitlines())
        print(f"example.py: {lines} lines", flush=True)
        self.assertLessEqual(lines, MOST_LINES)

    def test_what_it_is_given_wrongly_is_said(self) -> None:
        for arguments in ([], ["https://127.0.0.1:1", "/nowhere", "/nowhere", "1"], ["https://127.0.0.1:1", ".", ".", "no port"]):
            with self.subTest(arguments):
                done = subprocess.run([sys.executable, EXAMPLE, *arguments], capture_output=True, text=True, timeout=BOUND)
                self.assertEqual(done.returncode, 1)
                self.assertIn("example.py BANK-URL", done.stderr)
                self.assertNotIn("Traceback", done.stderr)

    async def test_it_pairs_gets_a_certificate_and_pays(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            scene = Scene(os.environ["USHIELD_PROGRAMS"], folder, face_port=free_port(), bank_port=free_port())
            port = free_port()
            try:
                await asyncio.to_thread(scene.prepare, "--gatt", f"127.0.0.1:{port}")
                await until("bank", lambda: answers(scene.bank))
                await asyncio.to_thread(scene.menu_to_pairing)
                said = await asyncio.wait_for(self.person(scene, port), BOUND)
                self.assertIn("1,234.50", said)
                self.assertIn("2 exchanges", said)
                self.assertEqual(scene.executed(), 1)
                for secret in (PASSWORD, PIN):
                    self.assertNotIn(secret, said)
            finally:
                scene.stop()

    async def person(self, scene: Scene, port: int) -> str:
        """Answers what it asks, and presses the token's keys. All that it said."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            EXAMPLE,
            f"https://{scene.bank}",
            scene.at("bank"),
            scene.at("maker"),
            str(port),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Without a terminal, passwords are asked for on the standard input.
            start_new_session=True,
        )
        hand = Hand()
        hand.told = True
        said, answered = "", 0
        reading = asyncio.ensure_future(process.stdout.read(4096))
        try:
            while True:
                await asyncio.wait({reading}, timeout=0.02)
                if reading.done():
                    part = reading.result().decode()
                    if not part:
                        break
                    said += part
                    reading = asyncio.ensure_future(process.stdout.read(4096))
                prompt = said[answered:].split("\n")[-1]
                if prompt.endswith((": ", "[y/n] ")):
                    answered = len(said)
                    process.stdin.write((await self.answer(scene, prompt) + "\n").encode())
                await asyncio.to_thread(hand.look, scene, None)
        finally:
            reading.cancel()
            if process.returncode is None:
                await asyncio.wait_for(process.wait(), 10)
        self.assertEqual(process.returncode, 0, said)
        return said

    async def answer(self, scene: Scene, prompt: str) -> str:
        if "Password" in prompt:
            return PASSWORD
        if "[y/n]" in prompt:
            digits = next(word for word in prompt.replace("?", " ").split() if word.isdigit() and len(word) == 6)
            return "y" if digits in (await asyncio.to_thread(scene.screen))["text"].replace(" ", "") else "n"
        self.pins = getattr(self, "pins", [INITIAL_PIN, PIN])
        return self.pins.pop(0) if len(self.pins) > 1 else self.pins[0]
