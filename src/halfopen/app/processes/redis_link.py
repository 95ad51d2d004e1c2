"""The place where machines meet: a Redis or Valkey. Used by control only, and never waited for.

Keys, each beginning with the prefix
    PREFIX:machines   hash: what each machine asks and which parts are its own; one that has not spoken for
                      3 s is removed by the next that does
    PREFIX:news       stream: refused keys and broken targets, the last 5 minutes of it read at the start
    PREFIX:snapshot   hash: the snapshot that was applied last, with a counter that only grows

Times are Redis's own, so machines' clocks need not agree. No key holds a secret.
"""

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

ANSWER_S: Final = 0.2
"""An answer that takes longer is none."""
EXCHANGE_S: Final = 0.4
"""All of an exchange, a new connection included."""
MACHINE_TTL_MS: Final = 3000
NEWS_MAX: Final = 10_000
_NEWS_AGE_MS: Final = 300_000
_NEWS_AT_ONCE: Final = 1000

# The sum of all parts of a limit is never more than 1, but where machines use more already.
_MEET: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, ttl = ARGV[1], tonumber(ARGV[5])
local demand, wanted, held = cjson.decode(ARGV[2]), cjson.decode(ARGV[3]), cjson.decode(ARGV[4])
local others, taken = {}, {}
local entries = redis.call('HGETALL', KEYS[1])
for i = 1, #entries, 2 do
    local entry = cjson.decode(entries[i + 1])
    if entries[i] == me then
        if ARGV[6] == '1' then
            for limit, part in pairs(entry.parts) do held[limit] = math.max(held[limit] or 0, part) end
        end
    elseif now - entry.at > ttl then
        redis.call('HDEL', KEYS[1], entries[i])
    else
        others[#others + 1] = entry.demand
        for limit, part in pairs(entry.parts) do taken[limit] = (taken[limit] or 0) + part end
    end
end
local parts = {}
for limit, part in pairs(wanted) do
    local free = math.max(1 - (taken[limit] or 0), 0)
    parts[limit] = math.max(held[limit] or 0, math.min(part, free))
end
local entry = cjson.encode({at = now, demand = demand, parts = parts})
redis.call('HSET', KEYS[1], me, entry)
redis.call('PEXPIRE', KEYS[1], ttl * 10)
return {now, cjson.encode(parts), cjson.encode(others)}
"""
# ARGV: what to do, counter that is known, id, content, base.
_CHOOSE: Final = """
local counter = tonumber(redis.call('HGET', KEYS[1], 'counter') or '0')
local known = tonumber(ARGV[2])
if ARGV[1] == 'again' then
    if counter >= known then return counter end
    counter = known
else
    counter = math.max(counter, known) + 1
end
redis.call('HSET', KEYS[1], 'counter', counter, 'id', ARGV[3], 'content', ARGV[4], 'base', ARGV[5])
return counter
"""


class MissingExtraError(Exception):
    """The package `redis` isn't installed. Its text says what to do."""


class GoneError(Exception):
    """Redis did not answer in time, or not as it should. Its text is for a person and holds no password."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """What a machine says to the others about once a second."""

    demand: Mapping[str, float]
    wanted: Mapping[str, float]
    """The parts that it would like."""
    held: Mapping[str, float]
    """The parts that its workers may be using now."""
    keep: bool = False
    """Whether it also holds what it had when it spoke last."""


@dataclass(frozen=True, slots=True)
class Met:
    """What came of it."""

    parts: Mapping[str, float]
    """This machine's from now on."""
    others: Sequence[Mapping[str, float]]
    """What each other machine asks."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at what is new."""

    counter: int
    """Of the snapshot that was applied last; 0: none."""
    news: tuple[tuple[float, dict[str, Any]], ...] = ()
    """What others told, each with its age in seconds, the earliest first."""
    met: Met | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A snapshot that was applied on some machine."""

    counter: int
    id: str
    content: bytes = field(repr=False)
    base: str = ""


class RedisLink:
    """One machine's."""

    def __init__(self, url: str, prefix: str, me: str) -> None:
        """Connects with the first exchange.

        Args:
            url: Where it is. May hold a password.
            prefix: Begins the names of all keys.
            me: This machine's name among all.

        Raises:
            MissingExtraError: The package isn't there.
            ValueError: The address can't be used.
        """
        try:
            # Only here: who shares nothing need not have it.
            self._redis = importlib.import_module("redis.asyncio")
            self._errors: tuple[type[Exception], ...] = (importlib.import_module("redis").RedisError, OSError)
        except ImportError:
            raise MissingExtraError(
                "[redis] needs the extra `redis`: pip install 'halfopen[redis]'; until then nothing is shared"
            ) from None
        retry = importlib.import_module("redis.asyncio.retry").Retry
        backoff = importlib.import_module("redis.backoff").NoBackoff
        self._me = me
        self._machines = f"{prefix}:machines"
        self._news = f"{prefix}:news"
        self._snapshot = f"{prefix}:snapshot"
        self._last_id = ""
        self._client: Any = self._redis.Redis.from_url(
            url,
            socket_timeout=ANSWER_S,
            socket_connect_timeout=ANSWER_S,
            retry=retry(backoff(), 0),
            max_connections=2,
            protocol=2,
            decode_responses=False,
        )

    async def exchange(self, meeting: Meeting | None, news: Sequence[Mapping[str, Any]]) -> Seen:
        """Tell what is new here, and learn what is new elsewhere, in one round trip.

        Args:
            meeting: What this machine asks; None: it has said so a moment ago.
            news: What others should know.

        Raises:
            GoneError: No answer. What was to be told may have been told.
        """
        pipe = self._client.pipeline(transaction=False)
        pipe.time()
        pipe.hget(self._snapshot, "counter")
        for each in news:
            fields = {"by": self._me, "what": msgspec.json.encode(each)}
            pipe.xadd(self._news, fields, maxlen=NEWS_MAX, approximate=True)
        if self._last_id:
            pipe.xread({self._news: self._last_id}, count=_NEWS_AT_ONCE)
        if meeting is not None:
            told = [
                msgspec.json.encode(dict(each)) for each in (meeting.demand, meeting.wanted, meeting.held)
            ]
            pipe.eval(_MEET, 1, self._machines, self._me, *told, MACHINE_TTL_MS, int(meeting.keep))
        try:
            replies = await self._bounded(pipe.execute())
            return self._seen(replies, has_met=meeting is not None)
        except (msgspec.DecodeError, TypeError, ValueError, LookupError) as error:
            raise GoneError(f"Redis answered what can't be understood: {error}") from None

    async def choose(self, snapshot_id: str, content: bytes, base: str, known: int) -> int:
        """Have all machines serve a snapshot. Its counter.

        Args:
            snapshot_id: Its id.
            content: Its canonical JSON.
            base: The configuration that all share, instead of which it is to be served.
            known: The largest counter seen so far.

        Raises:
            GoneError: No answer.
        """
        return await self._choose("new", known, snapshot_id, content, base)

    async def choose_again(self, chosen: Chosen) -> int:
        """Put back a choice that Redis has lost. The counter there now."""
        return await self._choose("again", chosen.counter, chosen.id, chosen.content, chosen.base)

    async def chosen(self) -> Chosen | None:
        """The snapshot that was applied last; None: there is none. Raises GoneError."""
        call = self._client.hmget(self._snapshot, "counter", "id", "content", "base")
        counter, name, content, base = await self._bounded(call)
        if counter is None or name is None or content is None:
            return None
        return Chosen(int(counter), name.decode("utf-8", "replace"), content, (base or b"").decode())

    async def leave(self) -> None:
        """Tell the others that this machine ends, if Redis answers at once."""
        with suppress(GoneError):
            await self._bounded(self._client.hdel(self._machines, self._me))
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        with suppress(TimeoutError, *self._errors):
            async with asyncio.timeout(ANSWER_S):
                await self._client.aclose()

    async def _choose(self, what: str, known: int, *arguments: Any) -> int:
        return int(
            await self._bounded(self._client.eval(_CHOOSE, 1, self._snapshot, what, known, *arguments))
        )

    async def _bounded(self, call: Any) -> Any:
        try:
            async with asyncio.timeout(EXCHANGE_S):
                return await call
        except TimeoutError:
            raise GoneError("Redis does not answer") from None
        except self._errors as error:
            # Its text may tell the address, which may hold a password.
            raise GoneError(f"Redis can't be used ({type(error).__name__})") from None

    def _seen(self, replies: list[Any], *, has_met: bool) -> Seen:
        (seconds, microseconds), counter = replies[0], replies[1]
        now_ms = seconds * 1000 + microseconds // 1000
        news: list[tuple[float, dict[str, Any]]] = []
        met = None
        if has_met:
            _, parts, others = replies[-1]
            asked = msgspec.json.decode(others)
            met = Met(
                msgspec.json.decode(parts, type=dict[str, float]),
                # Lua knows no difference between an empty table and an empty list.
                msgspec.convert(asked if isinstance(asked, list) else [], list[dict[str, float]]),
            )
        if self._last_id:
            read = replies[-2] if has_met else replies[-1]
            for name, fields in read[0][1] if read else ():
                self._last_id = name.decode()
                if fields.get(b"by") == self._me.encode():
                    continue
                with suppress(msgspec.DecodeError):  # of another version
                    told = msgspec.json.decode(fields.get(b"what", b""), type=dict[str, Any])
                    age_s = max(now_ms - int(self._last_id.split("-")[0]), 0) / 1000
                    news.append((age_s, told))
        else:
            self._last_id = f"{now_ms - _NEWS_AGE_MS}-0"
        return Seen(int(counter or 0), tuple(news), met)
