"""Figures as a person reads them: %, ms, s and dollars instead of shares and seconds."""

NOTHING = "-"
NEVER = "never"


def share(value: float | None) -> str:
    """`0.9987` is `99.87 %`. What is rounded never looks like all or nothing. None: a share of nothing."""
    if value is None:
        return NOTHING
    if value >= 1.0:
        return "100 %"
    if value <= 0.0:
        return "0 %"
    percent = 100.0 * value
    if percent >= 99.995:
        return "> 99.99 %"
    if percent < 0.005:
        return "< 0.01 %"
    return f"{percent:.2f} %"


def interval(low: float, high: float) -> str:
    """`99.21 to 99.93 %`."""
    return f"{_plain(low)} to {_plain(high)} %"


def seconds(value: float | None) -> str:
    """`0.2091` is `209 ms`. Three figures."""
    if value is None:
        return NOTHING
    if value <= 0.0:
        return "0 s"
    thousandths = value * 1000.0
    if thousandths < 9.995:
        return f"{thousandths:.2f} ms"
    if thousandths < 999.5:
        return f"{thousandths:.0f} ms"
    if value < 9.995:
        return f"{value:.2f} s"
    return f"{value:.1f} s" if value < 99.95 else f"{value:.0f} s"


def recovery(value: float | None) -> str:
    """Time to recover; None is never."""
    if value is None:
        return NEVER
    return "at once" if value <= 0.0 else f"{value:g} s" if value >= 100 else f"{value:.3g} s"


def ratio(value: float) -> str:
    """A number that is compared with 1."""
    return f"{value:.3f}"


def dollars(value: float) -> str:
    """`$0.73`; less than a cent with more places."""
    return f"${value:,.2f}" if value >= 0.01 or value <= 0.0 else f"${value:.4f}"


def figure(name: str, value: float | None) -> str:
    """A figure by its name in scenario files."""
    if name == "recovery_s":
        return recovery(value)
    if name.endswith("_s"):
        return seconds(value)
    if value is None:
        return NOTHING
    if name.startswith("success_rate"):
        return share(value)
    if name == "cost":
        return dollars(value)
    return f"{value:g}" if name == "requests" else ratio(value)


def bound(name: str, limit: float, value: float | None) -> str:
    """What a figure must reach, exactly where rounded it would look like `value`, which it is not."""
    text = figure(name, limit)
    if value is None or value == limit or text != figure(name, value):
        return text
    return f"{text} (exactly {limit!r}, not {value!r})"


def _plain(value: float) -> str:
    percent = f"{100.0 * value:.2f}"
    return "100" if percent == "100.00" else percent
