"""The radio: Bumble's virtual controllers on one air. One is lent to the guest's kernel, at the other is the software token's GATT server.

Usage: python3 peripheral.py HCI-SOCKET GATT-PORT CONTROL-PORT LOG

The token plugs in at GATT-PORT (the protocol is in tests/emulator/host/src/gatt/bridge.rs). A test speaks at CONTROL-PORT, one JSON object
a line, answered by one: {"mtu": 23} from the next connection on; {"lose": "now"} is a radio loss for both sides, {"lose": n} one at the
nth value written from then on, which is lost with it; {"drop": n} loses the nth notification from then on. Everything that happens is
in LOG, one JSON object a line.
"""

import asyncio
import json
import struct
import sys
import time

from bumble.controller import Controller
from bumble.core import UUID, PhysicalTransport
from bumble.device import Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address, HCI_LE_Set_Random_Address_Command, LeFeatureMask
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink

SERVICE, IN, OUT, INFO = (f"e5a1000{n}-7cd2-4e0f-9b3a-5553484c4401" for n in (1, 2, 3, 4))
# The virtual link has no connection interval: notifications beyond what BlueZ's sockets hold would be lost.
PACE = 0.002
SUPERVISION_TIMEOUT = 0x08


class Air(LocalLink):
    """Bumble 0.0.236 labels an ACL packet with the sender's random address; BlueZ connects with its public one and would not be heard."""

    def send_acl_data(self, sender, destination, transport, data):
        if transport != PhysicalTransport.LE:
            return super().send_acl_data(sender, destination, transport, data)
        connection, receiver = sender.le_connections.get(destination), self.find_le_controller(destination)
        if connection and receiver:
            asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, connection.self_address, transport, data)


class Peripheral:
    def __init__(self, log):
        self.log = open(log, "w", buffering=1)
        self.token, self.connection, self.reads = None, None, []
        self.lose_at, self.drop_at, self.old_address = None, None, True

    def note(self, event, **more):
        self.log.write(json.dumps({"t": time.monotonic(), "event": event, **more}) + "\n")

    def tell(self, op, data=b""):
        if self.token:
            self.token.write(struct.pack(">HB", 1 + len(data), op) + data)

    async def power_on(self, hci):
        self.transport = await open_transport(f"unix:{hci}")
        air = Air()
        guests = Controller("guest", host_source=self.transport.source, host_sink=self.transport.sink, link=air, public_address="F0:F0:F0:F0:F0:00")
        tokens = Controller("token", link=air, public_address="F0:F0:F0:F0:F0:01")
        self.controllers = (guests, tokens)
        for controller in self.controllers:
            # Bumble always says LE Connection Complete; Linux waits for the Enhanced one from who claims these, and for ever.
            controller.le_features &= ~(
                LeFeatureMask.LL_PRIVACY | LeFeatureMask.LE_EXTENDED_ADVERTISING | LeFeatureMask.LE_PERIODIC_ADVERTISING
            )
            controller.le_acl_data_packet_length = 251
        guests.supported_max_tx_octets = guests.supported_max_rx_octets = 251
        configuration = DeviceConfiguration(name="", address=Address.generate_static_address(), gap_service_enabled=False)
        self.device = Device(config=configuration, host=Host(tokens, AsyncPipeSink(tokens)))
        properties = Characteristic.Properties
        into = Characteristic(IN, properties.WRITE_WITHOUT_RESPONSE, Characteristic.WRITEABLE, CharacteristicValue(write=self.written))
        self.out = Characteristic(OUT, properties.NOTIFY, Characteristic.READABLE, b"")
        info = Characteristic(INFO, properties.READ, Characteristic.READABLE, CharacteristicValue(read=self.info_read))
        self.device.add_service(Service(SERVICE, [into, self.out, info]))
        self.out.on("subscription", self.subscribed)
        self.device.on("connection", self.connected)
        await self.device.power_on()

    def connected(self, connection):
        self.connection, self.old_address = connection, True
        self.note("connected", peer=str(connection.peer_address))
        self.tell(1)
        connection.on("connection_att_mtu_update", self.mtu_agreed)
        connection.on("disconnection", self.disconnected)

    def mtu_agreed(self):
        self.note("mtu", mtu=self.connection.att_mtu)
        self.tell(2, struct.pack(">H", self.connection.att_mtu))

    def disconnected(self, reason):
        self.connection = None
        self.note("disconnected", reason=reason)
        for read in self.reads:
            read.cancel()
        self.reads.clear()
        self.tell(7)

    async def info_read(self, _):
        read = asyncio.get_running_loop().create_future()
        self.reads.append(read)
        self.note("info")
        self.tell(3)
        return await read

    def subscribed(self, _, notify, __):
        self.note("subscribed", on=notify)
        self.tell(4, bytes([notify]))

    def written(self, _, value):
        if self.lose_at is not None:
            self.lose_at -= 1
            if self.lose_at == 0:
                self.lose_at = None
                return self.lose()
        self.note("written", value=value.hex())
        self.tell(5, value)

    def lose(self):
        """Both controllers find that the other one is not heard any more."""
        self.note("lost")
        for controller in self.controllers:
            for connection in list(controller.le_connections.values()):
                controller.on_le_disconnected(connection, SUPERVISION_TIMEOUT)

    async def notify(self, value):
        if self.drop_at is not None:
            self.drop_at -= 1
            if self.drop_at == 0:
                self.drop_at = None
                self.note("dropped", value=value.hex())
                return self.tell(6)
        if self.connection:
            self.note("notified", value=value.hex())
            await self.device.notify_subscriber(self.connection, self.out, value)
            await asyncio.sleep(PACE)
        self.tell(6)

    async def advertise(self, data):
        self.note("advertise", data=data.hex())
        if not data:
            return await self.device.stop_advertising()
        if self.old_address:
            self.old_address = False
            await self.device.stop_advertising()
            self.device.random_address = Address.generate_static_address()
            await self.device.send_command(HCI_LE_Set_Random_Address_Command(random_address=self.device.random_address))
        await self.device.start_advertising(
            advertising_data=data, scan_response_data=b"", advertising_interval_min=100, advertising_interval_max=100
        )

    async def disconnect(self):
        if self.connection:
            await self.connection.disconnect()
        else:
            self.tell(7)

    async def serve_token(self, reader, writer):
        self.token = writer
        self.note("plugged")
        try:
            while True:
                length, op = struct.unpack(">HB", await reader.readexactly(3))
                data = await reader.readexactly(length - 1)
                if op == 129 and self.reads:
                    self.reads.pop(0).set_result(data)
                elif op == 130:
                    await self.notify(data)
                elif op == 131 and not self.connection:
                    await self.advertise(data)
                elif op == 132:
                    await self.disconnect()
        except asyncio.IncompleteReadError:
            self.note("unplugged")
            self.token = None
            await self.device.stop_advertising()

    async def serve_test(self, reader, writer):
        while line := await reader.readline():
            command = json.loads(line)
            if "mtu" in command:
                self.device.gatt_server.max_mtu = command["mtu"]
            if command.get("lose") == "now":
                self.lose()
            elif "lose" in command:
                self.lose_at = command["lose"]
            if "drop" in command:
                self.drop_at = command["drop"]
            writer.write(b"{}\n")


async def main(hci, gatt, control, log):
    peripheral = Peripheral(log)
    await peripheral.power_on(hci)
    await asyncio.start_server(peripheral.serve_token, "127.0.0.1", int(gatt))
    await asyncio.start_server(peripheral.serve_test, "127.0.0.1", int(control))
    peripheral.note("ready")
    await peripheral.transport.source.wait_for_termination()


asyncio.run(main(*sys.argv[1:]))
