"""Which names of fields, variables, headers and parameters announce a secret.

Names are compared in lower case without punctuation, so `X-Api-Key`, `api_key` and `apiKey` are one.
A strong name masks whatever stands under it. A weak name (`token`, `key`) is also the name of harmless
things, such as the tokens of a model's answer, so it masks only what looks random.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from halfopen.redact.mask import Mask

_PUNCTUATION: Final = re.compile(r"[^a-z0-9]+")

_ENDINGS: Final[Mapping[str, Mask]] = MappingProxyType(
    {
        ending: mask
        for mask, endings in (
            (
                Mask.PASSWORD,
                "password passwd passphrase passcode pwd userpass dbpass passwort kennwort wachtwoord senha",
            ),
            (
                Mask.KEY,
                (
                    "apikey apikeys accesskey secretkey privatekey signingkey encryptionkey masterkey"
                    " adminkey integrationkey subscriptionkey sharedkey accountkey authkey licensekey"
                    " geniekey"
                ),
            ),
            (
                Mask.TOKEN,
                (
                    "accesstoken refreshtoken authtoken bearertoken idtoken sessiontoken securitytoken"
                    " apitoken secrettoken servicetoken csrftoken xsrftoken bottoken deploytoken vaulttoken"
                    " privatetoken oauthtoken gitlabtoken webidentitytoken jwt jwtassertion"
                ),
            ),
            (Mask.SECRET, "secret secrets credential credentials"),
            (Mask.COOKIE, "sessionid phpsessid jsessionid connectsid cfclearance cfbm"),
            (Mask.CARD, "cardnumber creditcard creditcardnumber"),
            (Mask.SSN, "socialsecuritynumber"),
        )
        for ending in endings.split()
    }
)
"""Endings of normal names that are strong, whatever comes before."""

_ENDING_LENGTHS: Final = tuple(sorted({len(ending) for ending in _ENDINGS}))

_STRONG: Final[Mapping[str, Mask]] = MappingProxyType(
    {
        "otp": Mask.PASSWORD,
        "totp": Mask.PASSWORD,
        "cvv": Mask.CARD,
        "cvc": Mask.CARD,
        "ssn": Mask.SSN,
        "iban": Mask.IBAN,
        "phone": Mask.PHONE,
        "phonenumber": Mask.PHONE,
        "mobilenumber": Mask.PHONE,
        "telephone": Mask.PHONE,
    }
)

_HEADERS: Final[Mapping[str, Mask]] = MappingProxyType(
    {
        "authorization": Mask.KEY,
        "proxyauthorization": Mask.KEY,
        "xforwardedauthorization": Mask.KEY,
        "xoriginalauthorization": Mask.KEY,
        "cookie": Mask.COOKIE,
        "cookie2": Mask.COOKIE,
        "setcookie": Mask.COOKIE,
        "xamzsecuritytoken": Mask.TOKEN,
        "xamznoidcdata": Mask.TOKEN,
        "xcsrf": Mask.TOKEN,
        "xhubsignature": Mask.SIGNATURE,
        "xhubsignature256": Mask.SIGNATURE,
        "xslacksignature": Mask.SIGNATURE,
        "stripesignature": Mask.SIGNATURE,
        "signature": Mask.SIGNATURE,
    }
)

_PARAMETERS: Final[Mapping[str, Mask]] = MappingProxyType(
    {
        "key": Mask.KEY,
        "token": Mask.TOKEN,
        "auth": Mask.TOKEN,
        "authorization": Mask.TOKEN,
        "ticket": Mask.TOKEN,
        "assertion": Mask.TOKEN,
        "samlresponse": Mask.TOKEN,
        "sid": Mask.TOKEN,
        "sig": Mask.SIGNATURE,
        "hmac": Mask.SIGNATURE,
        "awsaccesskeyid": Mask.KEY,
        "xamzcredential": Mask.KEY,
        "xgoogcredential": Mask.KEY,
    }
)

_WEAK: Final[Mapping[str, Mask]] = MappingProxyType(
    {
        "key": Mask.KEY,
        "token": Mask.TOKEN,
        "auth": Mask.TOKEN,
        "authentication": Mask.TOKEN,
        "pass": Mask.PASSWORD,
        "pw": Mask.PASSWORD,
        "routingkey": Mask.KEY,
        "servicekey": Mask.KEY,
    }
)

_PLACES_IN_TEXT: Final = (
        "page", "next", "continuation", "sync", "cursor", "stop", "eos", "bos", "pad", "unk",
        "sep", "cls", "mask", "end", "start", "first", "last", "per", "max", "min", "special", "added",
)  # fmt: skip
"""What comes before `token` in the names of cursors and of pieces of text."""

_HARMLESS: Final = re.compile(
    r"(?i:true|false|null|none|nil|undefined|unset|yes|no|on|off|\*+|\.\.\.|…)"
    r"|\$\{[^}]*\}|\$[A-Za-z_]\w*|\{\{[^}]*\}\}|<[^<>]*>|%\w*"
)
"""Values that say that there is no secret here, or only where it is kept: `${OPENAI_API_KEY}`."""

_HARMLESS_MAX_CHARS: Final = 128

_DIGIT: Final = re.compile("[0-9]")
_RANDOM: Final = re.compile(
    r"(?=[^A-Za-z]*+[A-Za-z])(?:(?=[^0-9]*+[0-9])|(?=[^A-Z]*+[A-Z])(?=[^a-z]*+[a-z]))\S++"
)
"""Letters with digits, or letters of both cases; no space."""

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def normal(name: str) -> str:
    """The name in lower case without punctuation."""
    lower = name.lower()
    return lower if lower.isalnum() else _PUNCTUATION.sub("", lower)


def strong(name: str) -> Mask | None:
    """The mask for whatever stands under the name; None: the name announces no secret."""
    plain = normal(name)
    mask = _ENDINGS.get(plain) or _STRONG.get(plain)
    if mask is None:
        endings = (_ENDINGS.get(plain[-length:]) for length in _ENDING_LENGTHS if length < len(plain))
        mask = next(filter(None, endings), None)
    # A session's id that is not a cookie is what a debugger looks for.
    return None if mask is Mask.COOKIE and "session_id" in name.lower() else mask


def weak(name: str) -> Mask | None:
    """The mask for what looks random under the name; None: the name announces nothing."""
    plain = normal(name)
    if plain.endswith("token") and plain != "token":
        return None if plain[:-5].endswith(_PLACES_IN_TEXT) else Mask.TOKEN
    return _WEAK.get(plain)


def header(name: str) -> Mask | None:
    """The mask for whatever a header of that name holds; None: the name announces no secret."""
    return _HEADERS.get(normal(name)) or strong(name)


def parameter(name: str) -> Mask | None:
    """The mask for the value of a URL's parameter of that name."""
    plain = normal(name)
    return _PARAMETERS.get(plain) or (Mask.SIGNATURE if plain.endswith("signature") else strong(name))


def announces(name: str) -> tuple[bool, bool]:
    """Whether the name announces a secret at all, and whether it is strong."""
    if normal(name) in _WEAK:
        return True, False
    is_strong = strong(name) is not None
    return is_strong or weak(name) is not None, is_strong


def mask_for(name: str, value: str) -> Mask | None:
    """The mask for a named value; None: it may be shown."""
    if not value or is_harmless(value):
        return None
    mask = strong(name)
    if mask is Mask.PHONE:
        return mask if sum(c.isdigit() for c in value) >= 7 else None
    if mask:
        return mask
    return weak(name) if looks_random(value) else None


def looks_random(value: str) -> bool:
    """Whether a value has the look of a credential: long, of one piece, letters and digits mixed."""
    if len(value) < 12 or not _RANDOM.fullmatch(value) or _UUID.fullmatch(value):
        return False
    return len(value) >= 20 or _DIGIT.search(value) is not None


def is_harmless(value: str) -> bool:
    """Whether a value says that there is no secret, or only where one is kept."""
    return len(value) <= _HARMLESS_MAX_CHARS and bool(_HARMLESS.fullmatch(value))
