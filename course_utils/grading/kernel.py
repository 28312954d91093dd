"""A boxed kernel: started by jupyter_client as any other, reached through the box's own folder."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Any as AnyTrait

from course_utils.grading.box import SOCKETS, Box, command

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
CONNECTION = "/connection.json"
LARGEST_MESSAGE = 16_000_000  # bytes; zmq hangs up on more
SECONDS_TO_START = 120


class BoxProvisioner(LocalProvisioner):
    """Starts a kernel in the box and tells its manager where the sockets are."""

    box: Box = AnyTrait()
    folder: Path = AnyTrait()  # private to this kernel; holds the connection file

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Choose the sockets; what the kernel is to be started with."""
        manager = self.parent
        manager.transport, manager.ip = "ipc", SOCKETS
        for number, port in enumerate(PORTS, start=1):
            setattr(manager, port, number)
        manager.connection_file = str(self.folder / "manager.json")
        self.connection_info = manager.get_connection_info()
        return {"cmd": [], "env": {"PATH": os.environ["PATH"]}}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        """Start it, and wait until its sockets can be reached."""
        inside = {**self.connection_info, "key": self.connection_info["key"].decode()}
        connection = self.folder / "connection.json"
        connection.write_text(json.dumps(inside))
        connection.chmod(0o644)
        for file in self.box.answers.iterdir() if self.box.answers else []:
            os.chown(file, self.box.user, -1)
        program = ["-m", "ipykernel_launcher", "-f", CONNECTION]
        program += ["--HistoryManager.enabled=False", "--IPKernelApp.no_stdout=False"]
        read, write = os.pipe()
        boxed = command(self.box, program, info=write, files={CONNECTION: connection})
        log = open(self.folder / "log", "wb")  # noqa: SIM115  (closed below)
        try:
            await super().launch_kernel(
                boxed, pass_fds=(write,), stdout=log, stderr=log, cwd="/", **kwargs
            )
        finally:
            os.close(write)
            log.close()
        with open(read, encoding="utf-8") as info:
            text = await asyncio.to_thread(info.read)
        if not text:
            raise RuntimeError(f"The box did not start: {self.last_words()}")
        # The box's folders as this process sees them. Nothing of the box lies on this disk.
        sockets = f"/proc/{json.loads(text)['child-pid']}/root{SOCKETS}"
        await self._reachable(sockets)
        return {**self.connection_info, "ip": sockets}

    async def _reachable(self, sockets: str) -> None:
        # The client never connects a second time (see `new_context`), so all must listen by now.
        for number in range(1, 1 + len(PORTS)):
            for _ in range(SECONDS_TO_START * 50):
                with socket.socket(socket.AF_UNIX) as probe:
                    if probe.connect_ex(f"{sockets}-{number}") == 0:
                        break
                if self.process.poll() is not None:
                    raise RuntimeError(f"The kernel in the box did not start: {self.last_words()}")
                await asyncio.sleep(0.02)
            else:
                raise RuntimeError("The kernel in the box did not open its sockets.")

    def last_words(self) -> str:
        """The end of what bubblewrap or the kernel wrote."""
        return (self.folder / "log").read_bytes()[-500:].decode(errors="replace").strip()


def boxed_manager(box: Box, folder: Path) -> AsyncKernelManager:
    """The manager of a kernel that will run in `box`; `folder` is private and short-lived."""
    manager = AsyncKernelManager(context=new_context())
    spec = KernelSpec(interrupt_mode="message", language="python", display_name="Python 3 (boxed)")
    manager._kernel_spec = spec
    manager.provisioner = BoxProvisioner(
        parent=manager, kernel_id="boxed", kernel_spec=spec, box=box, folder=folder
    )
    return manager


def new_context() -> zmq.asyncio.Context:
    """Sockets that bear with an ill-willed kernel."""
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
    context.setsockopt(zmq.RCVHWM, 64)  # further messages are dropped, not kept in memory
    context.setsockopt(zmq.LINGER, 0)
    # A socket's file could be exchanged for a link to another program's socket.
    context.setsockopt(zmq.RECONNECT_IVL, -1)
    return context
