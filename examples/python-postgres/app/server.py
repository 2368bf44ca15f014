"""A guestbook: GET / lists who was here, POST / adds the name in the body."""

import json
import os
import socket
import sys

from postgres import Connection, DatabaseError, DatabaseGone

LISTENER = 9
LONGEST_BODY = 4096


def opened(number):
    # What kind of socket it is must be said: asking the host for it is what CPython for WASI cannot do.
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=number)


def connections():
    """Those of x-wasm.connect: {"db:5432": 10}."""
    pairs = os.environ["WCOMPOSE_CONNECT_FDS"].split(",")
    return {target: int(number) for target, number in (pair.rsplit("=", 1) for pair in pairs)}


def answer(database, method, path, body):
    if path == "/health":
        database.query("SELECT 1")
        return "200 OK", {"database": "answers"}
    if path != "/":
        return "404 Not Found", {"error": f"there is no {path}"}
    if method == "POST":
        name = body.decode("utf-8", "replace").strip()
        if name == "":
            return "400 Bad Request", {"error": "the body is the name, and it is empty"}
        database.query("INSERT INTO visits (name) VALUES ($1)", name)
    elif method != "GET":
        return "405 Method Not Allowed", {"error": f"{method} is not known here"}
    rows = database.query("SELECT name, at FROM visits ORDER BY id DESC LIMIT 20")
    return "200 OK", {"python": sys.version.split()[0], "visits": [{"name": name, "at": at} for name, at in rows]}


def read_request(client):
    """Method, path and body; None where the client has gone or sends nonsense."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = client.recv(65536)
        if piece == b"" or len(received) > 65536:
            return None
        received += piece
    head, body = received.split(b"\r\n\r\n", 1)
    first, *fields = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        return None
    length = 0
    for field in fields:
        name, _, value = field.partition(":")
        if name.lower() == "content-length" and value.strip().isdigit():
            length = int(value)
    while len(body) < min(length, LONGEST_BODY):
        piece = client.recv(65536)
        if piece == b"":
            return None
        body += piece
    return words[0], words[1].partition("?")[0], body[:LONGEST_BODY]


def serve(client, database):
    # One request after the other; this CPython has no time-outs of sockets and no select.
    request = read_request(client)
    if request is None:
        return
    try:
        status, data = answer(database, *request)
    except DatabaseError as error:
        print(error, file=sys.stderr)
        status, data = "500 Internal Server Error", {"error": "the database refuses it"}
    body = json.dumps(data).encode() + b"\n"
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    client.sendall(head.encode() + body)


def main():
    with open(os.environ["POSTGRES_PASSWORD_FILE"]) as file:
        password = file.read().strip()
    try:
        database = Connection(opened(connections()["db:5432"]), os.environ["POSTGRES_USER"], password)
    except (DatabaseError, DatabaseGone) as error:
        sys.exit(f"cannot log in: {error}")
    listener = opened(LISTENER)
    print("serving", flush=True)
    while True:
        number, _ = listener._accept()
        client = opened(number)
        try:
            serve(client, database)
        except DatabaseGone as error:
            sys.exit(f"the database is gone, and so am I: {error}")
        except OSError:
            pass  # The client is gone.
        # Closes it: this CPython keeps files of its own, and its close() never reaches the host.
        try:
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        client.detach()


main()
