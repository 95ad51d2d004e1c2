"""What is said when a store needs a package that isn't installed."""

from halfopen.seams.outcome_store import StoreError


class MissingExtraError(StoreError):
    """A package isn't installed. Its text says what to do."""

    def __init__(self, extra: str, package: str) -> None:
        """`extra` of Halfopen brings `package`."""
        super().__init__(f"the package {package} isn't installed: pip install 'halfopen[{extra}]'")
