"""The part of PostgreSQL's protocol that a small program needs: log in, and ask with parameters.

https://www.postgresql.org/docs/current/protocol.html
"""

import base64
import hashlib
import hmac
import os
import struct


class DatabaseError(Exception):
    """What the server says is wrong with a statement; the connection goes on."""


class DatabaseGone(Exception):
    """The connection has ended, and there will be no other."""


class Connection:
    def __init__(self, sock, user, password, database=None):
        self.sock = sock
        self.received = b""
        options = {"user": user, "database": database or user, "client_encoding": "UTF8"}
        pairs = b"".join(text.encode() + b"\0" for pair in options.items() for text in pair)
        body = struct.pack("!i", 196608) + pairs + b"\0"
        self._send(struct.pack("!i", len(body) + 4) + body)
        self._log_in(user, password)

    def query(self, statement, *parameters):
        """The rows, as tuples of texts; None is NULL."""
        values = b"".join(
            struct.pack("!i", -1) if value is None else struct.pack("!i", len(data := str(value).encode())) + data
            for value in parameters
        )
        self._send(
            message(b"P", b"\0" + statement.encode() + b"\0" + struct.pack("!h", 0))
            + message(b"B", b"\0\0" + struct.pack("!hh", 0, len(parameters)) + values + struct.pack("!h", 0))
            + message(b"E", b"\0" + struct.pack("!i", 0))
            + message(b"S", b"")
        )
        return self._until_ready()

    def _log_in(self, user, password):
        scram = None
        while True:
            kind, body = self._next()
            if kind == b"E":
                raise DatabaseError(error_text(body))
            if kind != b"R":
                continue
            (method,) = struct.unpack("!i", body[:4])
            if method == 0:
                break
            if method == 10 and b"SCRAM-SHA-256" in body[4:].split(b"\0"):
                scram = Scram(password)
                first = scram.first()
                self._send(message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first))
            elif method == 11 and scram is not None:
                self._send(message(b"p", scram.final(body[4:])))
            elif method == 12 and scram is not None:
                scram.verify(body[4:])
            else:
                raise DatabaseError(f"the server wants authentication method {method}: SCRAM-SHA-256 and trust are known")
        self._until_ready()

    def _until_ready(self):
        rows, error = [], None
        while True:
            kind, body = self._next()
            if kind == b"D":
                rows.append(row(body))
            elif kind == b"E":
                error = DatabaseError(error_text(body))
            elif kind == b"Z":
                if error is not None:
                    raise error
                return rows

    def _next(self):
        kind = self._take(1)
        (length,) = struct.unpack("!i", self._take(4))
        return kind, self._take(length - 4)

    def _send(self, data):
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise DatabaseGone(error) from error

    def _take(self, count):
        while len(self.received) < count:
            try:
                piece = self.sock.recv(65536)
            except OSError as error:
                raise DatabaseGone(error) from error
            if piece == b"":
                raise DatabaseGone("the database has ended the connection")
            self.received += piece
        taken, self.received = self.received[:count], self.received[count:]
        return taken


class Scram:
    """SCRAM-SHA-256 without channel binding: RFC 5802 and 7677."""

    def __init__(self, password):
        self.password = password.encode()
        self.nonce = base64.b64encode(os.urandom(18))
        self.signature = b""

    def first(self):
        return b"n,," + self._first_bare()

    def final(self, challenge):
        fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
        if not fields[b"r"].startswith(self.nonce):
            raise DatabaseError("the server's nonce does not begin with ours")
        salted = pbkdf2(self.password, base64.b64decode(fields[b"s"]), int(fields[b"i"]))
        client_key = digest(salted, b"Client Key")
        without_proof = b"c=biws,r=" + fields[b"r"]
        said = b",".join([self._first_bare(), challenge, without_proof])
        proof = xor(client_key, digest(hashlib.sha256(client_key).digest(), said))
        self.signature = digest(digest(salted, b"Server Key"), said)
        return without_proof + b",p=" + base64.b64encode(proof)

    def verify(self, last):
        fields = dict(part.split(b"=", 1) for part in last.split(b","))
        if not hmac.compare_digest(base64.b64decode(fields[b"v"]), self.signature):
            raise DatabaseError("the server does not know the password either")

    def _first_bare(self):
        # The name that counts is that of the start-up message.
        return b"n=,r=" + self.nonce


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def row(body):
    (count,) = struct.unpack("!h", body[:2])
    values, at = [], 2
    for _ in range(count):
        (length,) = struct.unpack("!i", body[at : at + 4])
        at += 4
        values.append(None if length < 0 else body[at : at + length].decode())
        at += max(length, 0)
    return tuple(values)


def error_text(body):
    fields = {field[:1]: field[1:].decode() for field in body.split(b"\0") if field}
    return f"{fields.get(b'S', 'ERROR')}: {fields.get(b'M', 'unknown')} ({fields.get(b'C', '')})"


def digest(key, data):
    return hmac.digest(key, data, "sha256")


def xor(left, right):
    return bytes(a ^ b for a, b in zip(left, right))


def pbkdf2(password, salt, rounds):
    """hashlib has it only with OpenSSL, which CPython for WASI does not have."""
    keyed = hmac.new(password, digestmod="sha256")
    block = salt + struct.pack("!i", 1)
    total = 0
    for _ in range(rounds):
        step = keyed.copy()
        step.update(block)
        block = step.digest()
        total ^= int.from_bytes(block, "big")
    return total.to_bytes(32, "big")
