"""Messages on Gemini.

Special to the pair, beside what every stand-in is spared: nothing is lost of `top_k`, of schemas with
optional properties, and of a thinking budget, which comes back as one of Gemini's. A tool's images
follow its result, since Gemini's results are text.
"""

from halfopen.model import Target
from halfopen.providers.chat import Chat
from halfopen.providers.clients.messages.fitting import Fit, Fitted, limited, spared_thinking
from halfopen.providers.contract import Dialect


def messages_to_gemini(dialect: Dialect) -> Fitted:
    """The translation for Gemini."""
    return Fitted(dialect, fit_gemini)


def fit_gemini(chat: Chat, dialect: Dialect, target: Target) -> Fit:
    """Fit a chat that came as a Messages request to Gemini."""
    fit = limited(chat, target)
    spared = spared_thinking(fit.chat, dialect, target)
    return Fit(spared.chat, (*fit.adapted, *spared.adapted))
