"""Why a leg is not up, or a witness did not see: a short list of plain sentences, which are all that evidence says of it.

A client reads them in its export (`spec/evidence.md`, Proof). What tells of others or of the provider's insides, such as
names, addresses and error texts, is the detail of a reason: for who watches now, and for the log.
"""

from enum import StrEnum
from typing import Self


class PlainReason(StrEnum):
    """A sentence that tells nothing of anybody else. Others may stand in evidence that is old, or another tool's."""

    NONE = ""

    POWERED_OFF = "powered off"
    SUSPENDED = "suspended"
    POWERED_OFF_BY_EVENT = "power off, by vCenter's event"
    RESTARTED = "it was restarted; when it went off is not known"
    DOWN_UNSEEN = "down while vCenter could not say, by its boot time or events"
    SPEAKS_AGAIN = "vCenter speaks for itself again"
    NOT_SEEN_YET = "not seen yet"
    OUT_OF_CONTACT = "out of contact"
    HOST_NOT_CONNECTED = "its host is not connected"
    NOT_CONNECTED = "vCenter is not in touch with it"
    NO_POWER_STATE = "its power state is not told"
    NOT_READABLE = "vCenter does not let the account read it"
    NOT_UNDERSTOOD = "what vCenter says of it cannot be read"
    NOT_LISTED = "vCenter does not list it"
    LISTED_ELSEWHERE = "another vCenter lists it"
    STARTING_UP = "vCenter lists little of what it did: it may be starting up"
    MAY_BE_LISTED = "vCenter lists an object and does not say which it is"

    FILES_INACCESSIBLE = "its files are inaccessible"
    FILES_NOWHERE = "no datastore is known to hold its files"
    FILES_NOT_READ = "which datastores hold its files is not read yet"
    FILES_NOT_TOLD = "vCenter does not tell which files it needs"
    DATASTORE_NOT_READABLE = "a datastore with its files is not readable"
    DATASTORE_NOT_MOUNTED = "a datastore with its files is not mounted on its host"
    DATASTORE_SILENT = "a datastore with its files says nothing of its access"
    DATASTORE_NOT_ACCESSIBLE = "a datastore with its files is not accessible"

    NOTHING_ASKED = "nothing beyond the monitor was asked"
    OWN_WAY_FAILED = "the monitor's own way out failed"
    OWN_WAY_IN_DOUBT = "failed while the monitor's own way out was in doubt"
    NOT_TRIED_YET = "not tried yet"
    NOT_TRIED = "was not tried in time"
    NOT_TRIED_SINCE = "not tried since what lies before it returned"
    TOO_FEW_ANSWER = "too few targets answer"
    TOO_FEW_TRIED = "too few targets could be tried"
    UPLINK_NOT_WATCHED = "its uplink is not watched"
    NO_ADDRESS = "it has no address that can be checked"
    ADDRESS_FAILED = "its own address did not answer as it should"
    ADDRESS_NOT_TRIED = "its own address could not be tried"

    NO_CONTACT = "the watch was not in contact"
    NOT_REACHED = "vCenter was not reached"
    NOT_LET_IN = "vCenter did not let the monitor in"
    SESSION_LOST = "the session with vCenter was lost"
    ANSWER_NOT_READ = "an answer of vCenter could not be read"
    MONITOR_FAILED = "the monitor failed"
    CLOCK_SET_FORWARD = "the monitor's clock was set forward"

    @property
    def in_evidence(self) -> "PlainReason":
        """What evidence says of it."""
        return self


class DetailedReason(str):
    """A reason as the operator reads it: its text. Evidence says the plain sentence that it details."""

    __slots__ = ("in_evidence",)
    in_evidence: PlainReason

    def __new__(cls, plain: PlainReason, text: str) -> Self:
        """`text` in place of the sentence."""
        made = super().__new__(cls, text)
        made.in_evidence = plain
        return made


Reason = PlainReason | DetailedReason
"""What an observer says; a record that was read has a text."""


def in_evidence(reason: str) -> str:
    """What a line says of a reason: its sentence, or of evidence that was read the text as it is."""
    return reason.in_evidence if isinstance(reason, DetailedReason) else reason
