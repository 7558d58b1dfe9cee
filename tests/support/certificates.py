"""Certificates of the tests' own: an authority, servers and clients, and TLS servers on loopback that answer 200."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
PEM = serialization.Encoding.PEM


class Authority:
    """Signs certificates for names; ``file`` is its own."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._sign(name, self.key, -2 * DAY, DAY).public_bytes(PEM))

    def issue(self, name: str, begins: timedelta = -2 * DAY, ends: timedelta = DAY) -> tuple[str, str]:
        """Give a certificate and its key for a name, both PEM; its days are told from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self._sign(name, key, begins, ends).public_bytes(PEM).decode(), private.decode()

    def _sign(self, name: str, key: ec.EllipticCurvePrivateKey, begins: timedelta, ends: timedelta) -> x509.Certificate:
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        builder = x509.CertificateBuilder().issuer_name(issuer).subject_name(subject).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now + begins)
        builder = builder.not_valid_after(now + ends)
        builder = builder.add_extension(x509.BasicConstraints(ca=name == self.name, path_length=None), critical=True)
        if name[0].isdigit():
            names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def server(self, folder: Path, *, asks: bool, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
        """Make the context of a server for 127.0.0.1; with ``asks`` it demands a certificate of ours."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        path = folder / "server.pem"
        path.write_text("".join(reversed(self.issue("127.0.0.1"))), encoding="ascii")
        context.load_cert_chain(path)
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        return context


class TlsPartner:
    """A server on loopback, in threads of its own: OpenSSL itself speaks, and says by an alert what it refuses.

    ``seen`` holds the requests with the common name of the certificate that each came with; ``bodies`` what is answered
    by path. With ``mute`` a refusal is a reset connection, as behind some load balancers.
    """

    def __init__(self, context: ssl.SSLContext, *, mute: bool = False) -> None:
        self.seen: list[tuple[bytes, str | None]] = []
        self.bodies: dict[bytes, bytes] = {}
        self._context = context
        self._mute = mute
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(5)
            with plain:
                try:
                    self._serve(plain)
                except OSError:
                    if self._mute:
                        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _serve(self, plain: socket.socket) -> None:
        if self._mute:
            return self._serve_mute(plain)
        with self._context.wrap_socket(plain, server_side=True) as secure:
            self._answer(secure)
        return None

    def _serve_mute(self, plain: socket.socket) -> None:
        """Shake hands in memory, so that an alert is made and never sent."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        hands = self._context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                hands.do_handshake()
                return
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65_536))

    def _answer(self, secure: ssl.SSLSocket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := secure.recv(65_536)):
                return
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        while length and len(body) < int(length[0]):
            body += secure.recv(65_536)
        self.seen.append((head + b"\r\n\r\n" + body, _common_name(secure)))
        answer = self.bodies.get(head.split(b" ")[1], b"{}")
        secure.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)


@contextmanager
def tls_partner(context: ssl.SSLContext, *, mute: bool = False) -> Iterator[TlsPartner]:
    """Serve on a free port while the block lasts."""
    partner = TlsPartner(context, mute=mute)
    try:
        yield partner
    finally:
        partner.close()


def _common_name(secure: ssl.SSLSocket) -> str | None:
    given: Any = secure.getpeercert()
    if not given:
        return None
    return next(str(value) for ((name, value),) in given["subject"] if name == "commonName")
