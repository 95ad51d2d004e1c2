"""Real-looking secrets and personal data must go; what a debugger needs must stay.

The samples are put together from parts, so that no file of this repository holds a whole key.
"""

import re
from collections.abc import Callable

import pytest

from halfopen import redact

ALNUM = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY"
HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SK = "sk-"
JWT_HEAD = "ey" + "JhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
JWT_BODY = "ey" + "JzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkoifQ"
JWT = f"{JWT_HEAD}.{JWT_BODY}.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJVadQssw5c"
PEM_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
PEM = f"-----BEGIN {'PRIVATE'} KEY-----\n{PEM_BODY}\n{ALNUM}\n-----END {'PRIVATE'} KEY-----"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"

# name: (text, the pieces that must not survive)
SECRETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "openai legacy": (f"key {SK}{ALNUM}T3BlbkFJ{ALNUM}", (ALNUM,)),
    "openai project": (f"{SK}proj-{ALNUM}_{ALNUM}-x", (ALNUM,)),
    "openai service account": (f"using {SK}svcacct-{ALNUM}", (ALNUM,)),
    "openai admin": (f"{SK}admin-{ALNUM}", (ALNUM,)),
    "openai cut short": (f"Bearer was {SK}proj-aB3d", ("aB3d",)),
    "openai in a sentence": (f"The key {SK}{ALNUM}, which you sent.", (ALNUM,)),
    "openai after underscore": (f"prod_{SK}{ALNUM}", (ALNUM,)),
    "openai 401 echo": (
        f"Incorrect API key provided: {SK}abc***xyz. You can find your API key",
        ("abc*", "xyz"),
    ),
    "openai 401 echo, project": (f"Incorrect API key provided: {SK}proj-{'*' * 40}wXyZ.", ("wXyZ",)),
    "a key after its mere name": (f"Invalid API Key '{ALNUM}'; API key {ALNUM} is invalid", (ALNUM,)),
    "openai 401 echo of a short key": ("Incorrect API key provided: bad-key.", ("bad-key",)),
    "openai 401 echo of a word": ("Incorrect API key provided: swordfish. You can", ("swordfish",)),
    "openai with dots": (f"key {SK}abcd...wxyz is invalid", ("abcd", "wxyz")),
    "anthropic": (f"x-api-key was {SK}ant-api03-{ALNUM}-{ALNUM}-AA", (ALNUM,)),
    "openrouter": (f"{SK}or-v1-{HEX}{HEX}", (HEX,)),
    "deepseek": (f"{SK}{HEX}", (HEX,)),
    "google": (f"AI{'za'}SyA{ALNUM}", (ALNUM,)),
    "google auth key": (f"API key AQ.Ab8RN6{ALNUM} not valid", (ALNUM,)),
    "google oauth": (f"token ya29.a0Af_{ALNUM}", (ALNUM,)),
    "google client secret": (f"GOC{'SPX'}-{ALNUM}", (ALNUM,)),
    "google refresh token": (f"1//0g{ALNUM}", (ALNUM,)),
    "halfopen": (f"ho-0123456789ab-{ALNUM}{ALNUM}", (ALNUM,)),
    "groq": (f"gsk_{ALNUM}{ALNUM}", (ALNUM,)),
    "xai": (f"xai-{ALNUM}{ALNUM}", (ALNUM,)),
    "mistral by name": (f"MISTRAL_API_KEY={ALNUM}", (ALNUM,)),
    "cohere by name": (f"cohere_api_key: {ALNUM}", (ALNUM,)),
    "hugging face": (f"hf_{ALNUM}", (ALNUM,)),
    "replicate": (f"r8_{ALNUM}", (ALNUM,)),
    "perplexity": (f"pplx-{ALNUM}", (ALNUM,)),
    "nvidia": (f"nvapi-{ALNUM}", (ALNUM,)),
    "stripe": (f"sk_{'live'}_{ALNUM}", (ALNUM,)),
    "github classic": (f"gh{'p_'}{ALNUM}", (ALNUM,)),
    "github app": (f"gh{'s_'}{ALNUM}", (ALNUM,)),
    "github fine-grained": (f"github_{'pat_'}11ABC_{ALNUM}", (ALNUM,)),
    "gitlab": (f"gl{'pat-'}{ALNUM}", (ALNUM,)),
    "slack bot": (f"xox{'b-'}123456789012-{ALNUM}", (ALNUM,)),
    "slack user": (f"xox{'p-'}123456789012-{ALNUM}", (ALNUM,)),
    "slack app": (f"xapp-1-A0123-{ALNUM}", (ALNUM,)),
    "slack web hook": (f"https://hooks.slack.com/services/T0AB/B0CD/{ALNUM}", (ALNUM, "T0AB", "B0CD")),
    "discord web hook": (f"https://discord.com/api/webhooks/123456789012345678/{ALNUM}", (ALNUM,)),
    "telegram bot": (f"https://api.telegram.org/bot123456789:{ALNUM}_x/getMe", (ALNUM,)),
    "pagerduty routing key": (f"PagerDuty routing_key={HEX}", (HEX,)),
    "pagerduty key in prose": (f"pagerduty integration key is {HEX}", (HEX,)),
    "pagerduty api token": ("Authorization: Token token=y_NbAkKc66ryYTWUXYEu", ("y_NbAkKc66ryYTWUXYEu",)),
    "sendgrid": (f"SG.{ALNUM[:22]}.{ALNUM}", (ALNUM[:22],)),
    "aws key id": (f"AK{'IA'}IOSFODNN7EXAMPLE", ("IOSFODNN7",)),
    "aws session key id": (f"AS{'IA'}IOSFODNN7EXAMPLE", ("IOSFODNN7",)),
    "aws secret by name": (f"aws_secret_access_key = {AWS_SECRET}", (AWS_SECRET,)),
    "aws secret after the id": (f"AK{'IA'}IOSFODNN7EXAMPLE {AWS_SECRET}", (AWS_SECRET,)),
    "aws signature": (
        f"Authorization: AWS4-HMAC-SHA256 Credential=AK{'IA'}IOSFODNN7EXAMPLE/20261123, Signature={HEX}{HEX}",
        (HEX, "IOSFODNN7"),
    ),
    "jwt": (f"got {JWT} back", (JWT_BODY, "SflKxw")),
    "jwt cut after the header": (f"token was {JWT_HEAD}", (JWT_HEAD,)),
    "pem": (f"key:\n{PEM}\nend", (PEM_BODY, ALNUM)),
    "pem cut": (PEM[:90], (PEM_BODY[:30],)),
    "pem in json": ('{"pem": "' + PEM.replace("\n", "\\n") + '"}', (PEM_BODY, ALNUM)),
    "bearer": (f"Bearer {ALNUM}", (ALNUM,)),
    "bearer in a header line": ("Authorization: Bearer test\r\nHost: x", ("test",)),
    "bearer in a dict": (f"{{'authorization': 'Bearer {ALNUM}'}}", (ALNUM,)),
    "bearer in a pair": (f"('Authorization', b'Bearer {ALNUM}')", (ALNUM,)),
    "basic": ("Basic dXNlcjpwYXNzd29yZA==", ("dXNlcjpw",)),
    "basic in a header line": ("proxy-authorization: basic dXNlcjpwYXNz", ("dXNlcjpw",)),
    "authorization without scheme": (f"Authorization: {ALNUM}", (ALNUM,)),
    "opsgenie": (f"Authorization: GenieKey {HEX}", (HEX,)),
    "password assigned": ("login password=hunter2&user=joe", ("hunter2",)),
    "password in yaml": ("password: swordfish\nuser: joe", ("swordfish",)),
    "password quoted": ("password = 'correct horse battery'", ("correct", "battery")),
    "password with a quote inside": ('{"password": "ab\\"cd", "n": 1}', ("ab\\", "cd")),
    "password in json in json": ('{"raw": "{\\"password\\": \\"hunter2\\"}"}', ("hunter2",)),
    "password in xml": ("<password>hunter2</password>", ("hunter2",)),
    "password on a command line": ("mysql --password hunter2 -h db", ("hunter2",)),
    "user on a command line": ("curl -u me:hunter2 https://x.test", ("hunter2",)),
    "user on a command line, long": ("curl --proxy-user 'me:hunter2' https://x.test", ("hunter2",)),
    "openai session": (f"sess-{ALNUM}", (ALNUM,)),
    "password of a hash rocket": (":password => 'hunter2'", ("hunter2",)),
    "password cut in json": ('{"model": "m", "password": "hunter2 is', ("hunter2",)),
    "secret": ("secret: hunter2", ("hunter2",)),
    "client secret": ('"client_secret":"shh-quiet"', ("shh-quiet",)),
    "camel case": ('{"accessToken": "abc", "apiKey": "def"}', ('"abc"', '"def"')),
    "key in the environment": (f"export OPENAI_API_KEY={ALNUM}", (ALNUM,)),
    "key in os.environ": ('os.environ["OPENAI_API_KEY"] = "abc123"', ("abc123",)),
    "x-api-key line": ("x-api-key: foo-bar", ("foo-bar",)),
    "api-key line": ("api-key: foo-bar", ("foo-bar",)),
    "x-goog-api-key line": ("x-goog-api-key: foo-bar", ("foo-bar",)),
    "weak token that looks random": (f'"token": "{ALNUM}"', (ALNUM,)),
    "azure account key": (f"AccountName=a;AccountKey={ALNUM}==;EndpointSuffix=x", (ALNUM,)),
    "postgres": ("postgres://app:s3cret@db:5432/x", ("s3cret", "app:")),
    "postgres with a raw at sign": ("postgresql://app:p@ss@db/x", ("p@ss", "ss@")),
    "redis": ("redis://:s3cret@cache:6379/0", ("s3cret",)),
    "mongo": ("mongodb+srv://app:s3cret@cluster.example/x", ("s3cret",)),
    "proxy": ("HTTPS_PROXY=http://me:pw1@proxy:3128", ("pw1",)),
    "key in a query": ("https://x.test/v1beta/models?key=abc&alt=sse", ("=abc",)),
    "api_key in a query": ("GET /v1?alt=sse&api_key=abc HTTP/1.1", ("=abc",)),
    "token in a query": ("wss://x.test/socket?token=abc", ("=abc",)),
    "token in a fragment": ("https://x.test/cb#access_token=abc", ("=abc",)),
    "escaped name in a query": ("/v1?api%5Fkey=abc", ("=abc",)),
    "escaped query in a query": ("/login?next=%2Fv1%3Fapikey%3Dabcdef", ("abcdef",)),
    "query in json": ('"/v1?a=b\\u0026key=abc"', ("=abc",)),
    "amazon signed address": (
        f"https://b.test/o?X-Amz-Credential=AK%2F1&X-Amz-Signature={HEX}",
        (HEX, "AK%2F"),
    ),
    "azure signed address": ("https://b.test/o?sv=2024&sig=Ab%2Fc%3D", ("Ab%2F",)),
    "authorization code": (f"/callback?code={ALNUM}&state=1", (ALNUM,)),
    "cookie": ("Cookie: session=abc; theme=dark", ("abc", "dark")),
    "set-cookie": ("set-cookie: __cf_bm=abc; path=/; HttpOnly", ("abc",)),
    "cookie in a dict": ("{'Cookie': 'sid=abc'}", ("=abc",)),
    "session cookie alone": ("JSESSIONID=abc123", ("abc123",)),
    "session cookie alone, cloudflare": ("cf_clearance=abc123", ("abc123",)),
}
PERSONAL: dict[str, tuple[str, tuple[str, ...]]] = {
    "email": ("write to john.doe@example.com now", ("john", "example.com")),
    "email with a tag": ("<joe+llm@mail.example.co.uk>", ("joe", "mail.")),
    "email of another script": ("grüße@bücher.de", ("grüße",)),
    "email escaped": ("?user=joe%40example.com", ("joe",)),
    "email in json": ('{"user":"joe@example.com"}', ("joe",)),
    "email with a digit": ("joe99@x1.io", ("joe99",)),
    "phone international": ("call +1 415 555 2671 today", ("415", "2671")),
    "phone compact": ("tel +4915123456789.", ("151234",)),
    "phone german": ("+49 (0) 30 1234567", ("1234567",)),
    "phone american": ("(415) 555-2671", ("555", "2671")),
    "phone american hyphens": ("at 415-555-2671", ("415", "2671")),
    "phone american dots": ("at 415.555.2671 ", ("415", "2671")),
    "phone by name": ("phone: 030 1234567", ("1234567",)),
    "phone german by name": ("Tel.: 030/1234567, Handy 0151 1234568", ("1234567", "1234568")),
    "phone with zeros": ("call 0049 30 1234567 now", ("1234567",)),
    "password by a german name": ("Passwort: geheim123, kennwort=sesam77", ("geheim123", "sesam77")),
    "phone in json": ('"phone_number": "0301234567"', ("0301234567",)),
    "card spaced": ("4111 1111 1111 1111", ("4111",)),
    "card compact": ("card 4111111111111111.", ("4111",)),
    "card hyphens": ("5555-5555-5555-4444", ("5555",)),
    "card american express": ("3782 822463 10005", ("822463",)),
    "card mastercard two": ("2223003122003222", ("2223003",)),
    "card discover": ("6011111111111117", ("60111",)),
    "card diners": ("3056 930902 5904", ("930902",)),
    "card jcb": ("3530111333300000", ("35301",)),
    "iban": ("DE89370400440532013000", ("3704",)),
    "iban spaced": ("IBAN DE89 3704 0044 0532 0130 00 please", ("3704", "0130")),
    "iban british": ("GB29 NWBK 6016 1331 9268 19", ("NWBK",)),
    "iban norwegian": ("NO9386011117947", ("8601",)),
    "iban french": ("FR1420041010050500013M02606", ("20041",)),
    "ssn": ("SSN 123-45-6789", ("6789",)),
    "ssn by name": ('"ssn": "123456789"', ("123456789",)),
}
DECOYS: dict[str, str] = {
    "code that reads a secret": "password = os.environ['DB_PASSWORD']; key = config.get('api_key')",
    "code that asks the environment": "const apiKey = process.env.API_KEY;",
    "code that makes a secret": "secret_key = secrets.token_hex(32)",
    "code that compares": "if (password === confirm) {",
    "code with a type": "api_key: str | None = None\npassword: string;",
    "order number": "Order 4111-2024-000123, customer 100-200-3000, invoice 2026-000981",
    "prices": "1.299,00 EUR, $1,299.00, 1 091.60 net, 4,000,000 JPY",
    "book number": "ISBN 978-3-16-148410-0, EAN 4006381333931",
    "coordinates": "lat 52.5200 lon 13.4050, chr1:12345678-12345999",
    "many zeros": "id 00123456789012 of 0012-3456",
    "request id of openai": "req_011CSHoEeqs5C35K2UUqR7Fy",
    "request id of azure": "apim-request-id: 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
    "completion id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    "message id": "msg_01XFDUDYJgAACzvnptvVoYEL",
    "tool call id": "call_DdmO9pD3xa9XTPNJ32zg2hcA",
    "tool use id": "toolu_01T1x1fJ34qAmk2tNTrN7Up6",
    "response id": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
    "fingerprint": "fp_44709d6fcb",
    "cloudflare ray": "cf-ray: 8a1b2c3d4e5f6789-FRA",
    "uuid": "550e8400-e29b-41d4-a716-446655440000",
    "uuid of digits": "41111111-1111-1111-1111-111111111111",
    "uuid under session": "session_id=550e8400-e29b-41d4-a716-446655440000",
    "model": "gpt-4o-mini-2024-07-18 claude-haiku-4-5 gemini-2.5-flash-lite",
    "model path": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "timestamp": "2026-11-23T03:46:21.123456Z 2026-11-23T03:46:21+01:00",
    "timestamp common log": "[23/Nov/2026:03:46:21 +0000]",
    "epoch seconds": "created: 1732334781",
    "epoch milliseconds": "1732334781123",
    "epoch microseconds": "1732334781123456",
    "epoch nanoseconds": "1732334781123456789",
    "token counts": '"prompt_tokens":4111,"completion_tokens":123456789,"total_tokens":1234567890123456',
    "token limits": "max_tokens=4096 max_completion_tokens: 100000",
    "rate limits": "x-ratelimit-remaining-tokens: 149984 x-ratelimit-reset-requests: 6m0s",
    "anthropic rate limits": "anthropic-ratelimit-input-tokens-remaining: 39000",
    "tokens in prose": "This model's maximum context length is 128000 tokens; you asked for 130555 tokens.",
    "log probability": '{"token": "Hello", "logprob": -0.31725305}',
    "log probability of a long word": '{"token": " internationalization", "bytes": null}',
    "page token": 'next_page_token: "aB3dE5fG7hJ9kL1m"',
    "git sha": "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "git short sha": "9fceb02",
    "sha256": f"sha256:{HEX}{HEX}",
    "aws request id": "x-amzn-requestid: 7a62c49f-347e-4fc4-9331-6e8e7a0ad31b",
    "secret reference": 'key = "${OPENAI_API_KEY}"',
    "secret reference in shell": "api_key=$OPENAI_API_KEY",
    "secret placeholder": "api_key=<your-key>",
    "key word": "Invalid API key: please check your settings",
    "key says nothing": "api_key: null, password=None",
    "parameter name": '"param": "api_key", "code": "invalid_api_key"',
    "token error": "token: unexpected end of input",
    "bearer word": "Bearer token expired; use bearer authentication",
    "basic word": "the basic plan; Basic authentication is not offered",
    "password rule": "password: must be at least eight long",
    "key of a map": "key: value, keys=3",
    "monkey": "monkey=banana turkey: dinner",
    "idempotency key": "idempotency-key: stainless-python-retry-550e8400-e29b-41d4-a716-446655440000",
    "style sheet class": "sk-toggleable__label-arrow sk-estimator",
    "flags that only begin alike": "run -unbuffered a:b --user-agent=x:y",
    "words with sk-": "task-force-of-twenty-seven-people risk-adjusted-return-on-capital",
    "cookie prose": "Cookie: none was sent",
    "status code in a query": "/explain?code=502&model=gpt-4o",
    "plain address": "https://api.openai.com/v1/chat/completions?alt=sse&n=2",
    "ssh remote": "git@github.com:org/project.git",
    "retina picture": "icon@2x.png",
    "package version": "openai@4.2.0",
    "decorator": "@pytest.fixture",
    "ipv4 by default": "203.0.113.7:8500",
    "version": "1.2.3.4 v10.20.30",
    "card without check digit": "4111 1111 1111 1112",
    "sixteen digit id": "1234567890123456",
    "iban without check digits": "DE88370400440532013000",
    "ssn out of range": "000-12-3456 666-12-3456 900-12-3456",
    "date ranges": "2026-11-23 123-456",
    "byte ranges": "bytes 0-1023/146515",
    "durations": "6m0s 12ms 1.5s 415.555",
    "money": "$1,234,567.89 +12.5% +1000000",
    "isbn": "978-3-16-148410-0",
    "ports and sizes": "127.0.0.1:8500 Content-Length: 5552671234",
    "function": "def token(key): return secrets[key]",
    "traceback": 'File "gateway.py", line 415, in step\n    raise KeyError(key)',
    "json schema": '{"required": ["password", "username"], "type": "object"}',
    "html error": "<title>502 Bad Gateway</title><center>cloudflare</center>",
}

Masker = Callable[[str], str]


def checker(masker: Masker) -> list[str]:
    """What the masker leaks and what it destroys, one line each."""
    problems = []
    for name, (text, pieces) in (SECRETS | PERSONAL).items():
        masked = masker(text)
        problems += [f"leak: {name}: {piece!r} in {masked!r}" for piece in pieces if piece in masked]
        if not redact.MASKED.search(masked):
            problems.append(f"leak: {name}: no mask in {masked!r}")
        if masker(masked) != masked:
            problems.append(f"not idempotent: {name}: {masked!r} became {masker(masked)!r}")
    for name, text in DECOYS.items():
        if masker(text) != text:
            problems.append(f"destroyed: {name}: {text!r} became {masker(text)!r}")
    return problems


@pytest.mark.parametrize("name", [*SECRETS, *PERSONAL])
def test_secret_goes(name: str) -> None:
    """A sample's secret pieces are gone, a mask stands there, and a second pass changes nothing."""
    text, pieces = (SECRETS | PERSONAL)[name]
    masked = redact.text(text)
    assert [piece for piece in pieces if piece in masked] == [], masked
    assert redact.MASKED.search(masked), masked
    assert redact.text(masked) == masked


@pytest.mark.parametrize("name", DECOYS)
def test_decoy_stays(name: str) -> None:
    """What a debugger needs is not touched."""
    assert redact.text(DECOYS[name]) == DECOYS[name]


@pytest.mark.parametrize("name", [*SECRETS, *PERSONAL])
def test_bytes_as_text(name: str) -> None:
    """Bytes are masked as the text is, also between bytes that are not UTF-8."""
    text = (SECRETS | PERSONAL)[name][0]
    expected = redact.text(text).encode()
    assert redact.data(text.encode()) == expected
    assert redact.data(b"\xff\n" + text.encode()).startswith(b"\xff\n")


def test_sample_count() -> None:
    """There are at least eighty samples that must go, and enough that must stay."""
    assert len(SECRETS) + len(PERSONAL) >= 80
    assert len(DECOYS) >= 60


def test_checker_passes_the_redactor() -> None:
    """The checker finds nothing to say about the real redactor."""
    assert checker(redact.text) == []


def test_checker_catches_a_poor_redactor() -> None:
    """A redactor that masks only `sk-` keys fails, with a leak named for nearly every other kind."""

    def poor(text: str) -> str:
        return re.sub(r"sk-[A-Za-z0-9_-]{8,}", "[key]", text)

    leaks = {problem.split(": ")[1] for problem in checker(poor) if problem.startswith("leak")}
    assert {"groq", "jwt", "pem", "email", "iban", "cookie", "postgres", "password assigned"} <= leaks
    assert len(leaks) > 80


def test_checker_catches_an_eager_redactor() -> None:
    """A redactor that masks every long run of letters and digits fails for destroying what is needed."""

    def eager(text: str) -> str:
        return re.sub(r"[A-Za-z0-9_-]{7,}", "[key]", text)

    destroyed = {problem.split(": ")[1] for problem in checker(eager) if problem.startswith("destroyed")}
    assert {"request id of openai", "uuid", "git sha", "completion id"} <= destroyed
