"""The whole path through the generated bindings, over packets and over a card."""

import asyncio
import unittest

from world import ACCOUNT, PAYEE, WorldCase, quiet_loop, until

from ushield import ActError, CertificateRole, Code, LinkMedium, OrderOutcome, OrderStatus, TransferContent, Whose
from ushield.testing import Air, Reader, read_code


class WholePath(WorldCase):
    async def whole_path(self, link: object, medium: LinkMedium) -> None:
        world = self.world
        with quiet_loop(self):
            async with await world.paired(link) as phone:
                accounts = await phone.accounts()
                self.assertEqual([(a.number, a.currency, a.exponent, a.balance) for a in accounts], [(ACCOUNT, "CNY", 2, 1_000_000)])
                [token] = await phone.tokens()
                [seen] = await phone.in_reach([link])
                self.assertEqual((seen.medium, seen.whose, seen.token), (medium, Whose.OURS, token))
                state = await world.run(phone.token_state([link]))
                self.assertEqual((state.id, state.pin_initial, state.pay, state.login), (token.id, False, True, False))
                self.assertEqual([(known.name, known.this) for known in state.phones], [("Li", True)])
                chain = await phone.certificate(CertificateRole.PAY)
                self.assertEqual(await world.run(phone.certificate_on_token([link], CertificateRole.PAY)), chain)
                self.assertIsNone(await phone.certificate(CertificateRole.LOGIN))

                order = await world.order(phone, 123_450)
                pages = await phone.preview(order)
                self.assertIn("1,234.50", "".join(pages))
                report = await world.run(phone.run_order([link], order))
                self.assertEqual((report.receipt.order, report.receipt.outcome), (order, OrderOutcome.EXECUTED))
                self.assertGreater(report.bytes, 0)
                self.assertEqual((await phone.accounts())[0].balance, 1_000_000 - 123_450)
                self.assertEqual(await world.executed(), 1)
                [entry] = [entry for entry in await phone.history() if entry.order == order]
                self.assertEqual((entry.order, entry.status, entry.outcome), (order, OrderStatus.ENDED, OrderOutcome.EXECUTED))
                assert isinstance(entry.content, TransferContent)
                self.assertEqual((entry.content.creditor_name, entry.content.amount), (PAYEE, 123_450))
                self.assertEqual(await world.run(phone.resume([link])), [])
                self.assertEqual((await phone.adopt()).orders, [])
                await world.run(phone.forget_phone([link]))
                self.assertEqual(await phone.tokens(), [])

    async def test_over_packets(self) -> None:
        await self.whole_path(self.world.air, LinkMedium.BLE)

    async def test_over_packets_of_the_smallest_size(self) -> None:
        await self.whole_path(Air(self.world.radio, mtu=23), LinkMedium.BLE)

    async def test_over_a_card(self) -> None:
        await self.whole_path(self.world.card, LinkMedium.CARD)

    async def test_over_a_card_with_extended_length(self) -> None:
        await self.whole_path(Reader(self.world.reader, extended=True), LinkMedium.CARD)

    async def test_pairing_by_code(self) -> None:
        world = self.world
        async with await world.phone() as phone:
            await asyncio.to_thread(world.scene.menu_to_pairing)
            screen = await asyncio.to_thread(world.scene.screen)
            await asyncio.to_thread(world.scene.press, "down", screen["serial"])
            shown = await until("code", lambda: world.scene.screen()["code"])
            code = read_code(shown)
            text = code.decode()
            token = await world.run(phone.pair_by_code([world.air], code))
            self.assertEqual(code, bytes(len(text)), "it is wiped")
            self.assertEqual(await phone.tokens(), [token])
            self.assertTrue((await world.run(phone.token_state([world.air]))).pin_initial)
            await phone.forget_here()
            with self.assertRaises(ActError) as raised:
                await world.run(phone.pair_by_code([world.card], text.encode()))
            self.assertIn(raised.exception.code, (Code.NOT_PAIRING, Code.PAIRING_CODE_SPENT))
            self.assertNotIn(text, repr(raised.exception))


if __name__ == "__main__":
    unittest.main()
