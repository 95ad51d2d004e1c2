"""Ends a translation that can't be made."""


class TranslationError(ValueError):
    """The request holds something that Anthropic can't do; its text says what, in a few words.

    Raised by the parts of the translation and caught where it begins: it never leaves this package.
    """
