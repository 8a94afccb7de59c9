# SPDX-License-Identifier: BSD-2-Clause
"""A TLS-terminating proxy in a thread of the test, which records all plaintext bytes in both directions."""

import asyncio
import ssl
import threading

CHUNK = 65536
WAIT_SECONDS = 20


class Recorder:
    def __init__(self, certificate, key, ca, target_port):
        self.sent = bytearray()      # by the client
        self.received = bytearray()  # by the client
        self.target_port = target_port
        self.server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server_side.load_cert_chain(certificate, key)
        self.client_side = ssl.create_default_context(cafile=ca)
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        if not self.ready.wait(WAIT_SECONDS):
            raise TimeoutError("the recorder did not come up")
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join(WAIT_SECONDS)

    def run(self):
        asyncio.run(self.serve())

    async def serve(self):
        self.loop, self.stopped = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self.connected, "127.0.0.1", 0, ssl=self.server_side)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.stopped.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def connected(self, reader, writer):
        try:
            onward_reader, onward_writer = await asyncio.open_connection("localhost", self.target_port, ssl=self.client_side)
            await asyncio.gather(self.copy(reader, onward_writer, self.sent), self.copy(onward_reader, writer, self.received))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def copy(reader, writer, record):
        while data := await reader.read(CHUNK):
            record += data
            writer.write(data)
            await writer.drain()
        writer.close()
