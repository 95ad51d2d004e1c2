"""ClickHouse's HTTP interface, as far as Halfopen's client uses it, in front of ClickHouse's own engine.

No registry has a ClickHouse server of these years, and the engine that chdb brings can't listen. So this program
is what a server has around its engine: requests in threads of their own, settings and database for each request,
users, compression, statuses and exceptions. Run: clickhouse_http.py FOLDER PORT USER PASSWORD
"""

import base64
import gzip
import hmac
import json
import re
import sys
import threading
import uuid
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chdb import session

# What statuses ClickHouse has for codes of exceptions; 500 for every other.
STATUSES = {
    400: "6 26 27 36 38 41 44 53 62 69 72 117",
    401: "194",
    403: "192 193 497 511 516",
    404: "46 47 50 56 60 73 81 115",
    408: "159",
    411: "381",
    413: "65",
    501: "48",
    503: "76 209",
}
STATUS_OF = {int(code): status for status, codes in STATUSES.items() for code in codes.split()}
# Parameters that aren't settings of the engine.
RESERVED = {
    "query", "database", "user", "password", "quota_key", "query_id", "session_id", "session_timeout",
    "session_check", "default_format", "compress", "decompress", "wait_end_of_query", "buffer_size", "role",
    "stacktrace", "client_protocol_version", "enable_http_compression", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
}  # fmt: skip
ANSWERING = ("SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "CHECK")
CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "Native": "application/octet-stream",
}


class RefusedError(Exception):
    """An exception of ClickHouse."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code

    @classmethod
    def of(cls, error: Exception) -> "RefusedError":
        found = re.search(r"Code: (\d+)\. (.*)", str(error), re.DOTALL)
        return cls(int(found[1]), found[2]) if found else cls(49, f"DB::Exception: {error} (LOGICAL_ERROR)")


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: "Server"

    def do_GET(self) -> None:
        self._answer(may_write=False)

    def do_POST(self) -> None:
        self._answer(may_write=True)

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""

    def _answer(self, *, may_write: bool) -> None:
        self._begun = False
        self._id, self._tag = str(uuid.uuid4()), uuid.uuid4().hex[:16]
        place = urlsplit(self.path)
        try:
            body = self._body() if may_write else b""
            if body is None:
                self.close_connection = True  # it went in the middle of its request
                return
            if place.path == "/ping" or (place.path == "/" and not place.query and not may_write):
                self._whole(200, b"Ok.\n")
                return
            wanted = dict(parse_qsl(place.query, keep_blank_values=True))
            self._may(wanted)
            self._id = wanted.get("query_id") or self._id
            self._execute(wanted, body, may_write)
        except RefusedError as refused:
            self._refuse(refused)

    def _body(self) -> bytes | None:
        """None if the client went before it was whole."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0] or b"-1", 16):
                part = self.rfile.read(size) if size > 0 else b""
                if len(part) != size:
                    return None
                parts.append(part)
                self.rfile.readline()
            self.rfile.readline()
            body = b"".join(parts)
        else:
            if (length := self.headers.get("Content-Length")) is None:
                self.close_connection = True
                raise RefusedError(381, "DB::Exception: The Transfer-Encoding is not chunked and there is no "
                              "Content-Length header for POST request. (HTTP_LENGTH_REQUIRED)")  # fmt: skip
            body = self.rfile.read(int(length))
            if len(body) != int(length):
                return None
        coding = self.headers.get("Content-Encoding", "identity")
        if coding not in ("identity", "gzip"):
            raise RefusedError(48, f"DB::Exception: Unknown Content-Encoding {coding} (NOT_IMPLEMENTED)")
        return gzip.decompress(body) if coding == "gzip" else body

    def _may(self, wanted: dict[str, str]) -> None:
        said = self.headers.get("Authorization", "")
        user, password = wanted.get("user", "default"), wanted.get("password", "")
        if "X-ClickHouse-User" in self.headers or "X-ClickHouse-Key" in self.headers:
            user = self.headers.get("X-ClickHouse-User", "default")
            password = self.headers.get("X-ClickHouse-Key", "")
        elif said.startswith("Basic "):
            user, _, password = base64.b64decode(said[6:]).decode().partition(":")
        right = hmac.compare_digest(
            f"{user}:{password}".encode(), f"{self.server.user}:{self.server.password}".encode()
        )
        if not right:
            raise RefusedError(516, f"DB::Exception: {user}: Authentication failed: password is incorrect, or "
                          "there is no user with such name. (AUTHENTICATION_FAILED)")  # fmt: skip

    def _execute(self, wanted: dict[str, str], body: bytes, may_write: bool) -> None:
        first = wanted.get("query", "").encode()
        statement = (first + b"\n" + body if first and body else first or body).decode()
        words = statement.split(None, 1)
        answers = bool(words) and words[0].upper().lstrip("(") in ANSWERING
        shape = wanted.get("default_format") or self.headers.get("X-ClickHouse-Format") or "TabSeparated"
        if found := re.search(r"\bFORMAT\s+(\w+)\s*;?\s*$", statement):
            shape = found[1] if answers else shape
        with self.server.engine(wanted, may_write=may_write) as engine:
            try:
                if answers and wanted.get("wait_end_of_query") != "1":
                    self._stream(engine.send_query(statement, shape), shape)
                    return
                with self._progress(wanted):
                    found = engine.query(statement, shape).bytes()
            except (RuntimeError, ValueError) as error:
                raise RefusedError.of(error) from None
        self._whole(
            200, found, shape if answers else None, gzipped=wanted.get("enable_http_compression") == "1"
        )

    def _progress(self, wanted: dict[str, str]) -> "Progress":
        """Headers of a statement that takes its time are begun before it is known how it ends."""
        told = wanted.get("send_progress_in_http_headers") == "1"
        return Progress(
            self._begin, int(wanted.get("http_headers_progress_interval_ms", 100)) if told else None
        )

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self.send_response(200)
            self.send_header("X-ClickHouse-Progress", json.dumps({"read_rows": "0", "elapsed_ns": "1"}))
            self.wfile.write(b"".join(self._headers_buffer))
            self.wfile.flush()
            self._headers_buffer = []

    def _stream(self, parts: Iterable[Any], shape: str) -> None:
        """What goes wrong later is told in the body, which then has no end."""
        begun = False
        try:
            for part in parts:
                if not begun:
                    begun = True
                    self.send_response(200)
                    self._named(shape)
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                self._chunk(part.bytes())
        except (RuntimeError, ValueError) as error:
            refused = RefusedError.of(error)
            if not begun:
                raise refused from None
            told = self._told(refused)
            end = f"{len(told)} {self._tag}\r\n__exception__\r\n".encode()
            self._chunk(b"\r\n__exception__\r\n" + self._tag.encode() + b"\r\n" + told + end)
            self.close_connection = True
            return
        if not begun:
            self._whole(200, b"", shape)
            return
        self.wfile.write(b"0\r\n\r\n")

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _named(self, shape: str | None) -> None:
        self.send_header("Content-Type", CONTENT_TYPES.get(shape or "", "text/plain; charset=UTF-8"))
        if shape is not None:
            self.send_header("X-ClickHouse-Format", shape)
        self.send_header("X-ClickHouse-Server-Display-Name", "stand-in")
        self.send_header("X-ClickHouse-Query-Id", self._id)
        self.send_header("X-ClickHouse-Timezone", "UTC")
        self.send_header("X-ClickHouse-Exception-Tag", self._tag)
        self.send_header("X-ClickHouse-Summary", json.dumps({"read_rows": "0", "written_rows": "0"}))

    def _whole(self, status: int, body: bytes, shape: str | None = None, *, gzipped: bool = False) -> None:
        if not self._begun:
            self.send_response(status)
        self._named(shape)
        self._ended(body, gzipped=gzipped and "gzip" in self.headers.get("Accept-Encoding", ""))

    def _ended(self, body: bytes, *, gzipped: bool = False) -> None:
        if gzipped:
            body = gzip.compress(body, 1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _told(self, refused: RefusedError) -> bytes:
        return f"Code: {refused.code}. {refused} (version {self.server.version} (official build))\n".encode()

    def _refuse(self, refused: RefusedError) -> None:
        if not self._begun:
            self.send_response(STATUS_OF.get(refused.code, 500))
        self._named(None)
        self.send_header("X-ClickHouse-Exception-Code", str(refused.code))
        self._ended(self._told(refused))


class Progress:
    """Begins the headers when a statement takes longer than the interval."""

    def __init__(self, begin: Callable[[], None], interval_ms: int | None) -> None:
        self._timer = None if interval_ms is None else threading.Timer(interval_ms / 1000, begin)

    def __enter__(self) -> None:
        if self._timer is not None:
            self._timer.start()

    def __exit__(self, *_error: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()


class Engine(session.Session):
    """With what a request asked for; given back after it, unless it is of a session with a name."""

    kept: Any = None

    def __exit__(self, *_error: object) -> None:
        if self.kept is None:
            self.close()
        else:
            self.kept.release()


class Server(ThreadingHTTPServer):
    """Listens, and has the engine."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder: str, port: int, user: str, password: str) -> None:
        self.user, self.password = user, password
        self._folder = folder
        self._first = session.Session(folder)  # as long as there is one, the engine goes on
        self.version = self._first.query("SELECT version()", "TabSeparated").data().strip()
        self._sessions: dict[str, Engine] = {}
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def engine(self, wanted: dict[str, str], *, may_write: bool) -> Engine:
        """One that has the database and the settings of a request."""
        made = self._session(wanted["session_id"]) if wanted.get("session_id") else Engine(self._folder)
        try:
            made.query(f"USE `{wanted.get('database') or 'default'}`")
            for name, value in wanted.items():
                if name not in RESERVED and not name.startswith("param_"):
                    made.query(f"SET {name} = '{value}'")
            if not may_write:
                made.query("SET readonly = 2")
        except RuntimeError as error:
            made.__exit__()
            raise RefusedError.of(error) from None
        return made

    def _session(self, name: str) -> Engine:
        with self._lock:
            if name not in self._sessions:
                self._sessions[name] = Engine(self._folder)
                self._sessions[name].kept = threading.Lock()
            made = self._sessions[name]
        if made.kept is None or not made.kept.acquire(blocking=False):
            raise RefusedError(
                373, f"DB::Exception: Session {name} is locked by a concurrent client. (SESSION_IS_LOCKED)"
            )
        return made


if __name__ == "__main__":
    Server(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]).serve_forever()
