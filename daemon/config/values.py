"""What the values in slad.toml become: durations, addresses, secrets, files; and how each is read.

The readers raise ValueError, whose message becomes the text after `file:line: key:`.
"""

import json
import os
import re
import ssl
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import Enum
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from daemon.config.certificates import check_pem
from daemon.config.pictures import Picture, PictureError, picture_in
from daemon.config.secrets import Form, Secret
from probes.targets.target import Method, Target, parse_target
from sla.causes import PROPOSES
from sla.records import Category
from sla.terms import format_duration, parse_duration

ADDRESS: Final = "{address}"
"""In a target: the address that VMware Tools reports."""

_Values = TypeVar("_Values", bound=tuple[object, ...])

_MAX_SHOWN: Final = 80
_MAX_SOCKET_PATH_BYTES: Final = 107  # sun_path, less its closing zero
_VCENTER_PORT: Final = 443
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(@.*)?", re.ASCII | re.IGNORECASE)
_INTERFACE: Final = re.compile(r"[^\s/]{1,15}")
SHA_256: Final = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
ID: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""What the ids that people give look like."""
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_MAIL: Final = re.compile(
    rf"(?=.{{3,254}}\Z)(?=.{{1,64}}@){_ATOM}(\.{_ATOM})*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"
)
"""A dot-atom of ASCII, and a host (RFC 5321 §4.1.2)."""
_ID: Final = re.compile(ID, re.ASCII)
_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f]{1,256}")
_ADDRESS: Final = re.compile(
    r"(?:\[(?P<number>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?))"
    r"(?::(?P<port>\d{1,5}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time in microseconds."""

    us: int

    def __str__(self) -> str:
        """As slad.toml writes it, in the largest unit that is whole."""
        return format_duration(self.us)


@dataclass(frozen=True, slots=True)
class Address:
    """A host, by name or number, and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        """`host:port`, an IPv6 number in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is a loopback number, which nobody outside this machine reaches; a name is none."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the readers need to know besides the value; `notes` collects warnings as (field, text)."""

    folder: Path
    env: Mapping[str, str]
    notes: list[tuple[str, str]] = field(default_factory=list)


def shown(value: object) -> str:
    """A value as slad.toml writes it, cut short."""
    text = _toml(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return "a table"
        case _:
            return str(value)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """`did you mean …?` with the known word that is most like it, or None where none is."""
    match = alike(word, known)
    return f"did you mean {shown(match[0])}?" if match else None


def alike(word: str, known: Iterable[str]) -> Sequence[str]:
    """The known word that is most like it; none where none is."""
    return get_close_matches(word, known, n=1)


def _text(value: str) -> str:
    if not _TEXT.fullmatch(value):
        raise ValueError("must be one line of 1 to 256 characters")
    return value


def check_id(value: str) -> str:
    """The id again; raises ValueError where it is none."""
    if not _ID.fullmatch(value):
        raise ValueError(
            f"{shown(value)} is no id: write letters, digits, dots, dashes and underscores, at most 64"
        )
    return value


def _duration(value: object) -> Duration:
    try:
        return Duration(parse_duration(value))
    except ValueError:
        raise ValueError(
            f'{shown(value)} is no duration: write a whole number and s, m, h or d, such as "5s" or "10m"'
        ) from None


@dataclass(frozen=True, slots=True)
class Between:
    """A limit on a duration, both ends allowed."""

    least: Duration
    most: Duration

    def __call__(self, value: Duration) -> Duration:
        if not self.least <= value <= self.most:
            raise ValueError(f'"{value}" is out of bounds: from "{self.least}" to "{self.most}"')
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """A reader of whole numbers, both limits allowed."""

    least: int
    most: int

    def __call__(self, value: object) -> int:
        if type(value) is not int or not self.least <= value <= self.most:
            raise ValueError(f"{shown(value)} must be a whole number from {self.least} to {self.most}")
        return value


def vcenter_address(value: object) -> Address:
    """A vCenter's address; raises ValueError where it is none."""
    return _address(value, example="vcenter.example.net", default_port=_VCENTER_PORT, least_port=1)


def _listen_address(value: object) -> Address:
    return _address(value, example="127.0.0.1:10999", default_port=None, least_port=0)


def _address(value: object, *, example: str, default_port: int | None, least_port: int) -> Address:
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f'{shown(value)} is no address: write one such as "{example}", an IPv6 number in brackets'
        )
    host, port = (match["number"] or match["name"]).lower(), match["port"]
    if match["number"] or host.replace(".", "").isdigit():
        if not _is_ip_number(host):
            raise ValueError(f"{shown(host)} is no IP number")
        host = str(ip_address(host))  # one spelling, so that the same address is known as such
    if port is None and default_port is None:
        raise ValueError(f'{shown(value)} lacks its port: write one such as "{example}"')
    number = default_port if port is None else int(port)
    if number is None or not least_port <= number <= 65_535:
        raise ValueError(f"port {number} is out of bounds: from {least_port} to 65535")
    return Address(host, number)


def _host(value: str) -> str:
    match = _ADDRESS.fullmatch(value)
    if match is not None and match["port"] is not None:
        raise ValueError(f"{shown(value)} has a port: leave it out, any port will do")
    return _address(value, example="slad.example.net", default_port=0, least_port=0).host


def _is_ip_number(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _ip_number(text: str) -> str:
    if not _is_ip_number(text):
        raise ValueError(f"{shown(text)} is no IP number")
    return text


def _network(value: object) -> IPv4Network | IPv6Network:
    """A network as `ip_network` reads it; a lone number is one of itself."""
    try:
        if isinstance(value, str):
            return ip_network(value)
    except ValueError:
        try:
            meant = f": did you mean {shown(str(ip_network(str(value), strict=False)))}?"
        except ValueError:
            meant = ': write one such as "10.0.0.0/8" or "fd00::/8"'
        raise ValueError(f"{shown(value)} is no network{meant}") from None
    raise ValueError(f'must be a network in quotes such as "10.0.0.0/8", not {shown(value)}')


def _interface(name: str) -> str:
    if not _INTERFACE.fullmatch(name):
        raise ValueError(f"{shown(name)} is no name of a network interface")
    return name


def _target(value: object) -> Target:
    """A target by its text, or as a table with what HTTP is to be judged by."""
    match value:
        case str():
            return parse_target(value)
        case {"url": str(url), **options}:
            return _http_target(parse_target(url), {str(key): one for key, one in options.items()})
        case _:
            raise ValueError(
                f'must be a target such as "icmp://1.1.1.1", or {{ url = "https://…", status = [200] }}, not {shown(value)}'
            )


def _http_target(target: Target, options: Mapping[str, object]) -> Target:
    known = ("status", "body", "follow_redirects")
    for key in options:
        if key not in known:
            raise ValueError(
                f"{key} is unknown here: {nearest(key, known) or 'known are ' + ', '.join(known)}"
            )
    if options and target.method not in (Method.HTTP, Method.HTTPS):
        raise ValueError(f"{next(iter(options))} is for http and https alone")
    statuses, body = options.get("status", []), options.get("body")
    follow = options.get("follow_redirects", False)
    if not isinstance(statuses, list) or not all(type(s) is int and 100 <= s <= 599 for s in statuses):
        raise ValueError(f"status must be a list of numbers from 100 to 599, not {shown(statuses)}")
    if body is not None and not isinstance(body, str):
        raise ValueError(f"body must be a regular expression in quotes, not {shown(body)}")
    if not isinstance(follow, bool):
        raise ValueError(f"follow_redirects must be true or false, not {shown(follow)}")  # noqa: TRY004  readers raise it
    try:
        re.compile(body or "")
    except re.error as error:
        raise ValueError(f"body is no regular expression: {error}") from None
    return replace(target, statuses=tuple(statuses), body=body, follow_redirects=follow)


def _reach_target(text: str) -> str:
    parse_target(text.replace(ADDRESS, "192.0.2.1"))
    return text


def _pin(value: object) -> bytes:
    digits = value.removeprefix("sha256:").replace(":", "") if isinstance(value, str) else ""
    if not isinstance(value, str) or not value.startswith("sha256:") or not SHA_256.fullmatch(digits):
        raise ValueError(
            f'{shown(value)} is no pin: write "sha256:" and the 64 hexadecimal digits that '
            "`openssl x509 -noout -fingerprint -sha256` prints, with or without colons"
        )
    return bytes.fromhex(digits)


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        hint = nearest(name, _time_zones()) or 'write an IANA name such as "America/Toronto"'
        raise ValueError(f"{shown(name)} is no time zone: {hint}")
    return name


@cache
def _time_zones() -> frozenset[str]:
    """The names in PyPI's tzdata, which slad uses instead of the system's."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def _folder_glob(pattern: str) -> str:
    if not pattern.startswith(("/", "**")):
        raise ValueError(f'{shown(pattern)} must start with /, such as "/DC/vm/Clients/Acme/**"')
    levels = pattern.strip("/").split("/")
    if "" in levels[:-1] or any("**" in level and level != "**" for level in levels):
        raise ValueError(f'{shown(pattern)} must have a name, a glob or "**" alone between two slashes')
    return pattern


def _user_pattern(pattern: str) -> str:
    if pattern.strip() != pattern:
        raise ValueError(f"{shown(pattern)} is no pattern: no name of a user begins or ends with a space")
    if not pattern.strip("*"):
        raise ValueError(f"{shown(pattern)} would take everybody")
    return pattern


def _plain_name(text: str) -> str:
    if set(text) & set("*?{}$"):
        raise ValueError(
            f"{shown(text)} must be a plain name: a rule's outcome has no patterns and no templates"
        )
    return text


def _solution(text: str) -> str:
    if _UUID.fullmatch(text):
        raise ValueError(
            f"{shown(text)} reads like a server's id, and no solution may bear one: choose a name"
        )
    return _plain_name(text)


def _proposed_category(value: object) -> Category:
    """A category that causes propose."""
    proposed = {category.value: category for category in PROPOSES.values()}
    if isinstance(value, str) and value in proposed:
        return proposed[value]
    allowed = f"causes propose {' and '.join(proposed)}"
    if value in [category.value for category in Category]:
        raise ValueError(f"no cause proposes {value}: {allowed}")
    raise ValueError(f"{shown(value)} is no category: {allowed}")


def each_once(values: _Values) -> _Values:
    """The values again; raises ValueError where one is there twice."""
    for position, value in enumerate(values):
        if value in values[:position]:
            raise ValueError(f"{value.value if isinstance(value, Enum) else value} is there twice")
    return values


def some_each_once(values: _Values) -> _Values:
    """The values again; raises ValueError where there are none, or one is there twice."""
    if not values:
        raise ValueError("must not be empty: leave the key out for its default")
    return each_once(values)


def _path(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f"must be the path of a file, not {shown(value)}")
    return _surroundings(info).folder / value


def _existing_file(path: Path) -> Path:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError(f"{path} is no file")
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None


def _certificates(path: Path) -> Path:
    check_pem(path)
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise ValueError(f"{path} holds no certificate in PEM form") from None
    return path


def _logo(path: Path) -> Picture:
    try:
        return picture_in(path)
    except PictureError as error:
        raise ValueError(f"{path} {error}") from None


def _no_folder(path: Path) -> Path:
    try:
        if path.is_dir():
            raise ValueError(f"{path} is a folder: name a file in it")
    except PermissionError:
        pass  # it is the service's, and whoever checks the configuration is not
    except OSError as error:
        raise ValueError(f"{path} cannot be a file: {error.strerror}") from None
    return path


def _socket_path(path: Path) -> Path:
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH_BYTES:
        raise ValueError(f"{path} is too long for a socket: at most {_MAX_SOCKET_PATH_BYTES} bytes")
    return path


def _key_file(path: Path, info: ValidationInfo) -> Secret:
    if _existing_file(path).stat().st_mode & stat.S_IROTH:
        _note(info, f"{path} can be read by every user of this machine: `chmod o= {path}` ends that")
    return Secret(str(path), path)


def _password_file(path: Path, info: ValidationInfo) -> Secret:
    return _looked_at(_key_file(path, info), info)


def _token_file(path: Path, info: ValidationInfo) -> Secret:
    return _looked_at(replace(_key_file(path, info), form=Form.TOKEN), info)


def _credential(name: object, info: ValidationInfo) -> Secret:
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise ValueError(f"{shown(name)} is no credential's name: write the one that LoadCredential= gives")
    folder = _surroundings(info).env.get("CREDENTIALS_DIRECTORY")
    if not folder:
        _note(info, f"{name} was not checked: $CREDENTIALS_DIRECTORY is set only where systemd starts slad")
        return Secret(f"credential {name}", None)
    return _looked_at(Secret(f"credential {name}", _existing_file(Path(folder, name))), info)


def _looked_at(secret: Secret, info: ValidationInfo) -> Secret:
    """The secret again. What is wrong with it is warned of: it stops what it is for, and nothing else."""
    fault = secret.fault()
    if fault:
        _note(info, f"{fault}. It is not used as it is")
    return secret


def _mail_address(text: str) -> str:
    if not _MAIL.fullmatch(text):
        raise ValueError(f'{shown(text)} is no mail address: write one such as "it@acme.example"')
    return text


def _surroundings(info: ValidationInfo) -> Surroundings:
    assert isinstance(info.context, Surroundings), "values are read by daemon.config.load"
    return info.context


def _note(info: ValidationInfo, text: str) -> None:
    assert info.field_name is not None
    _surroundings(info).notes.append((info.field_name, text))


Id = Annotated[str, AfterValidator(check_id)]
Text = Annotated[str, AfterValidator(_text)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
ProposedCategory = Annotated[Category, BeforeValidator(_proposed_category)]
DurationValue = Annotated[Duration, BeforeValidator(_duration)]
VCenterAddress = Annotated[Address, BeforeValidator(vcenter_address)]
ListenAddress = Annotated[Address, BeforeValidator(_listen_address)]
Pin = Annotated[bytes, BeforeValidator(_pin)]
Host = Annotated[str, AfterValidator(_host)]
IpNumber = Annotated[str, AfterValidator(_ip_number)]
NetworkValue = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Interface = Annotated[str, AfterValidator(_interface)]
TargetValue = Annotated[Target, BeforeValidator(_target)]
ReachTarget = Annotated[Text, AfterValidator(_reach_target)]
UserPattern = Annotated[Text, AfterValidator(_user_pattern)]
FolderGlob = Annotated[Text, AfterValidator(_folder_glob)]
SolutionName = Annotated[Text, AfterValidator(_solution)]
FilePath = Annotated[Path, BeforeValidator(_path)]
NewFile = Annotated[FilePath, AfterValidator(_no_folder)]
ExistingFile = Annotated[FilePath, AfterValidator(_existing_file)]
CertificateFile = Annotated[ExistingFile, AfterValidator(_certificates)]
LogoFile = Annotated[Picture, BeforeValidator(_logo), BeforeValidator(_path)]
SocketFile = Annotated[NewFile, AfterValidator(_socket_path)]
# Of several BeforeValidators the last one comes first.
PasswordFile = Annotated[Secret, BeforeValidator(_password_file), BeforeValidator(_path)]
TokenFile = Annotated[Secret, BeforeValidator(_token_file), BeforeValidator(_path)]
KeyFile = Annotated[Secret, BeforeValidator(_key_file), BeforeValidator(_path)]
Credential = Annotated[Secret, BeforeValidator(_credential)]
