"""What can go wrong between slad and a vCenter.

VcenterError
├── VCenterUnreachableError no connection, no answer within the deadline, a connection that broke
├── CertificateError      the other side does not prove that it is this vCenter
├── CredentialsError      there is no password that could be sent: nothing was asked of the vCenter
├── LoginRefusedError     user or password is wrong, or the account is locked
├── SessionLostError      the session, or an object that lived in it, is gone
│   └── ObjectGoneError   an object is gone, of the session or of the inventory
├── PermissionDeniedError the account may not do this
├── ReplyError            an answer that is no answer: cut, not XML, too long, an HTTP error
│   └── NamelessError     an update does not say which object it is about
└── StoppedError          we were told to stop
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sla.texts import cleaned


class VcenterError(Exception):
    """The session cannot go on; the message is a sentence for an operator, cleaned. `reason` is its word in metrics."""

    reason = "error"

    def __init__(self, message: str) -> None:
        """What a vCenter says of a fault may be as long and as odd as anything else that it says."""
        super().__init__(cleaned(message))


class VCenterUnreachableError(VcenterError):
    """No connection, or no answer within the deadline."""

    reason = "unreachable"


class CertificateError(VcenterError):
    """The other side did not prove that it is this vCenter."""

    reason = "certificate"


class CredentialsError(VcenterError):
    """The password cannot be read, or its form is in doubt; it was not sent."""

    reason = "credentials"


class LoginRefusedError(VcenterError):
    """Trying again soon would lock the account."""

    reason = "login_refused"


class SessionLostError(VcenterError):
    """The session expired, was ended, or the vCenter restarted."""

    reason = "session_lost"


class ObjectGoneError(SessionLostError):
    """An object that was asked about is gone: one that lived in the session, or one of the inventory."""


class PermissionDeniedError(VcenterError):
    """The account may not do this."""

    reason = "permission_denied"


class ReplyError(VcenterError):
    """An answer that cannot be read."""

    reason = "bad_reply"


class NamelessError(ReplyError):
    """An update does not say which object it is about: only a full look tells what is so now."""


class StoppedError(VcenterError):
    """The watch was told to stop in the middle of a call."""

    reason = "stopped"


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever goes wrong with what a vCenter sent into a ReplyError, whose sentence begins with `what`."""
    try:
        yield
    except VcenterError:
        raise
    except Exception as error:
        raise ReplyError(f"{what} has an unknown form: {error!r}") from error


def is_about_an_answer(error: VcenterError) -> bool:
    """Whether it may go with this one answer; what vCenter says of the session, and of who may do what, it says for good."""
    return type(error) in (VcenterError, VCenterUnreachableError, ReplyError)


def is_of_one_call(error: VcenterError) -> bool:
    """Whether it says that one thing cannot be had, or one of the objects that were asked about, and nothing of the session."""
    return type(error) in (VcenterError, ReplyError, ObjectGoneError, PermissionDeniedError)
