"""A SuperLink and SuperNodes on 127.0.0.1, with TLS and node keys, and everything stopped in the end."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

#: How long a node that was killed is kept out by Flower, and a little more.
AGAIN = 5.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def certificates(folder: Path) -> None:
    """Writes ``ca.crt``, ``server.pem`` and ``server.key`` for 127.0.0.1, good for a day."""
    now = datetime.datetime.now(datetime.UTC)

    def made(subject: str, issuer: str, key: Any, signer: Any, *, authority: bool) -> x509.Certificate:
        def name(common: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )
        if not authority:
            addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
            builder = builder.add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        return builder.sign(signer, hashes.SHA256())

    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    root = made("imfl example", "imfl example", authority, authority, authority=True)
    leaf = made("127.0.0.1", "imfl example", server, authority, authority=False)
    (folder / "ca.crt").write_bytes(root.public_bytes(pem))
    (folder / "server.pem").write_bytes(leaf.public_bytes(pem))
    key = folder / "server.key"
    key.touch(mode=0o600)
    key.write_bytes(
        server.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def node_key(path: Path) -> None:
    """Writes a node's private key, and its public key beside it (``.pub``)."""
    key = ec.generate_private_key(ec.SECP384R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    path.touch(mode=0o600)
    path.write_bytes(private)
    path.with_suffix(".pub").write_bytes(public + b"\n")


class Loopback:
    """A federation on this machine.

    Args:
        folder: where keys, logs and Flower's state go.
        app: the folder of the Flower app.
        participants: for each node, the file of its own settings.
        simulated: so many nodes of Flower's simulation engine, in the place of SuperNodes.
    """

    def __init__(self, folder: Path, app: Path, participants: Sequence[Path] = (), *, simulated: int = 0) -> None:
        self.folder, self.app, self.participants, self.simulated = folder, app, list(participants), simulated
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = threading.Event()
        self._watch: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ports = [free_port() for _ in self.participants]
        home = folder / "flwr-home"
        home.mkdir(exist_ok=True)
        scripts = str(Path(sys.executable).parent)
        self.environment = {
            **os.environ,
            "FLWR_HOME": str(home),
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_DISABLE_UPDATE_CHECK": "1",
            "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.5",
            "PATH": scripts + os.pathsep + os.environ.get("PATH", ""),
        }
        certificates(folder)
        (home / "config.toml").write_text(
            '[superlink]\ndefault = "loopback"\n\n[superlink.loopback]\n'
            f'address = "{self.address}"\nroot-certificates = "{folder / "ca.crt"}"\n',
            encoding="utf-8",
        )
        for number in range(len(self.participants)):
            node_key(folder / f"node{number}")

    def __enter__(self) -> Loopback:
        try:
            self.start_link()
            for number in range(len(self.participants)):
                self.flwr("supernode", "register", str(self.folder / f"node{number}.pub"), "--name", f"node{number}")
                self.start_node(number)
            self._watch = threading.Thread(target=self._keep_up, daemon=True)
            self._watch.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _start(self, name: str, command: Sequence[str], cwd: Path | None = None) -> subprocess.Popen[bytes]:
        with (self.logs / f"{name}.log").open("ab") as log:
            # A session of its own, so that whatever it starts ends with it.
            process = subprocess.Popen(
                command, env=self.environment, cwd=cwd or self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self.processes[name] = process
        return process

    def start_link(self) -> None:
        """Starts the SuperLink on its database, and waits until it answers."""
        self._start(
            "superlink",
            [
                "flower-superlink", "--host", "127.0.0.1", "--port", str(self.port),
                "--ssl-ca-certfile", str(self.folder / "ca.crt"), "--ssl-certfile", str(self.folder / "server.pem"),
                "--ssl-keyfile", str(self.folder / "server.key"),
                "--simulation" if self.simulated else "--enable-supernode-auth",
                "--database", str(self.folder / "state.db"), "--disable-runtime-dependency-installation",
            ],
        )  # fmt: skip
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                if self.processes["superlink"].poll() is not None:
                    break
                time.sleep(0.2)
        raise RuntimeError(f"the SuperLink did not start; see {self.logs / 'superlink.log'}")

    def start_node(self, number: int) -> None:
        """Starts a SuperNode."""
        self._start(
            f"node{number}",
            [
                "flower-supernode", "--root-certificates", str(self.folder / "ca.crt"), "--superlink", self.address,
                "--port", str(self._ports[number]), "--auth-supernode-private-key", str(self.folder / f"node{number}"),
                "--node-config", f'participant="{self.participants[number]}"',
            ],
        )  # fmt: skip

    def _keep_up(self) -> None:
        """Starts nodes again that have ended: Flower refuses a key for about a minute after its node was killed."""
        while not self._stopping.wait(AGAIN):
            with self._lock:
                for number in range(len(self.participants)):
                    if not self._stopping.is_set() and self.processes[f"node{number}"].poll() is not None:
                        self.start_node(number)

    def flwr(self, *arguments: str, timeout: float = 60) -> str:
        """Runs Flower's command line.

        Raises:
            RuntimeError: with what it said.
        """
        done = subprocess.run(
            ["flwr", *arguments], env=self.environment, cwd=self.app, capture_output=True, text=True, timeout=timeout,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"flwr {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def begin(self, config: Mapping[str, Any]) -> None:
        """Submits the app; its log goes to ``run.log``."""
        values = " ".join(f"{key}={json.dumps(value)}" for key, value in config.items())
        nodes = f"num-supernodes={self.simulated} client-resources-num-cpus=1"
        self.flwr("run", str(self.app), "--run-config", values, *(["--federation-config", nodes] if self.simulated else []))

    def status(self) -> str:
        """What Flower says of the newest run, as ``finished:completed``. Its own exit code says nothing."""
        found = json.loads(self.flwr("ls", "--format", "json"))
        runs = found.get("runs", []) if isinstance(found, dict) else found
        return str(runs[0]["status"]) if runs else "none"

    def wait(self, runs: Path, limit: float = 900) -> str:
        """Waits until the newest run has ended, and returns its status. ``runs`` is the server's folder of runs: that a run has
        left its last file there is seen for nothing, while asking Flower takes a process. Nothing is waited for after ``limit`` seconds.
        """
        began = asked = time.monotonic()
        before = set(runs.glob("*/receipts.json"))
        while (now := time.monotonic()) - began < limit:
            ended = set(runs.glob("*/receipts.json")) != before
            if now - asked > (1 if ended else 30):
                try:
                    status = self.status()
                except (RuntimeError, subprocess.TimeoutExpired, ValueError):
                    # A SuperLink that was just started again may not answer yet.
                    status = "unknown"
                asked = time.monotonic()
                if status.startswith("finished"):
                    return status
            time.sleep(0.5)
        return "unfinished"

    def kill(self, name: str) -> None:
        """Kills a process and everything that it started, as a power cut would."""
        process = self.processes.get(name)
        if process is not None:
            _signal(process, signal.SIGKILL)
            process.wait()

    def stop(self) -> None:
        """Stops everything that was started."""
        self._stopping.set()
        with self._lock:
            names = sorted(self.processes, key=lambda name: name == "superlink")
            for name in names:
                _signal(self.processes[name], signal.SIGTERM)
            ends = time.monotonic() + 10
            for name in names:
                try:
                    self.processes[name].wait(max(0.1, ends - time.monotonic()))
                except subprocess.TimeoutExpired:
                    pass
                _signal(self.processes[name], signal.SIGKILL)
                self.processes[name].wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    """To the process's whole session; whoever has gone need not be told."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
