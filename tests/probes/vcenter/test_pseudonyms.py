"""Pseudonyms: nothing passes but what is known to be harmless, and what belonged together still does."""

import re
from collections import Counter
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.vcenter import soap
from probes.vcenter.addresses import usable_number
from probes.vcenter.bindings import Bindings
from probes.vcenter.inventory import Inventory
from probes.vcenter.objects import Vm
from probes.vcenter.pseudonyms import Pseudonyms
from probes.vcenter.values import Moid
from tests.peers import recorded


def replaced(*texts: str) -> list[str]:
    """Texts of an element of no meaning, by the pseudonyms of one recording."""
    pseudonyms = Pseudonyms()
    return [pseudonyms.replaced(f"<x>{text}</x>".encode()).decode()[3:-4] for text in texts]


@given(st.text(alphabet="abAB12é-_./[] ", min_size=1))
def test_of_a_text_no_word_stays(text: str) -> None:
    (told,) = replaced(f"q{text}z")
    words = {word for word in re.findall(r"[^\W_]+", text) if not re.fullmatch(r"w?\d+|vm|vmx", word)}
    assert not {word for word in words if re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", told)}
    assert re.sub(r"[^\W_]+", "", told) == re.sub(r"[^\W_]+", "", f"q{text}z"), "what is between words stays"


@given(st.binary(max_size=300))
def test_any_bytes_are_taken_and_no_shorter_by_what_is_no_word(reply: bytes) -> None:
    told = Pseudonyms().replaced(reply)
    is_kept = re.compile(rb"[^0-9A-Za-z\x80-\xff_]")
    if not re.search(rb"[<&\0-\x08\x0b\x0c\x0e-\x1f]", reply):
        assert is_kept.findall(told) == is_kept.findall(reply)


def test_what_belonged_together_still_does() -> None:
    name, path, other, again = replaced("gold-san", "[gold-san] web/web.vmx", "silver-san", "gold-san")
    assert path.startswith(f"[{name}] ")
    assert path.endswith(".vmx")
    assert name == again != other
    assert name.split("-")[1] == other.split("-")[1]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("10.1.2.3", r"10\.0\.\d+\.\d+"),
        ("192.168.7.9", r"192\.168\.\d+\.\d+"),
        ("8.8.8.8", r"198\.18\.\d+\.\d+"),
        ("169.254.1.2", r"169\.254\.\d+\.\d+"),
        ("172.17.0.1", r"172\.17\.0\.1"),
        ("172.17.4.23", r"172\.17\.1\.23"),
        ("::ffff:10.1.2.3", r"::ffff:10\.0\.1\.3"),
        ("fe80::250:56ff:fe00:1", r"fe80::[0-9a-f]+:[0-9a-f]+"),
        ("2a00:1450:4001:82a::200e", r"2001:db8::[0-9a-f]+:[0-9a-f]+"),
        ("00:50:56:ab:cd:ef", r"00:50:56:00:00:01"),
        ("502b1c2d-1111-2222-3333-444455556666", r"00000000-0000-4000-8000-0{11}1"),
    ],
)
def test_addresses_and_ids_stay_of_their_kind(told: str, kind: str) -> None:
    assert re.fullmatch(kind, replaced(told)[0])


@pytest.mark.parametrize(
    "reply",
    [
        "<changeSet><name>runtime.powerState</name><op>assign</op><val>poweredOff</val></changeSet>",
        "<e><key>4711</key><createdTime>2026-03-01T10:00:00.5Z</createdTime><eventTypeId>VmPoweredOnEvent</eventTypeId></e>",
        '<obj xsi:type="ManagedObjectReference" type="VirtualMachine"/>',
        "<mountInfo><accessible>false</accessible><inaccessibleReason>AllPathsDown_Start</inaccessibleReason></mountInfo>",
        '<?xml version="1.0" encoding="UTF-8"?>\n<a xmlns="urn:vim25"/>',
        '<val xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="VirtualMachinePowerState"/>',
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body/></soapenv:Envelope>',
        "<eventTypeId>com.vmware.vc.HA.DasHostFailedEvent</eventTypeId>",
        "<a><extensionKey>com.vmware.vcDr</extensionKey><type>placeholderVm</type></a>",
        '<changeSet><name>host["host-1"].mountInfo.inaccessibleReason</name><val>PermanentDeviceLoss</val></changeSet>',
        '<obj type="Datastore">datastore-1</obj>',
        "<a><powerState><![CDATA[poweredOn]]></powerState><!-- --></a>",
        "<key>-2147483000</key>",
        "<a>&amp; &#8238; &#33;</a>",
    ],
)
def test_words_of_the_schema_states_and_times_stay(reply: str) -> None:
    assert Pseudonyms().replaced(reply.encode()).decode() == reply


@pytest.mark.parametrize(
    "reply",
    [
        "<changeSet><name>summary.note</name><val>secret</val></changeSet>",
        "<CustomFieldValue><key>1</key><value>secret</value></CustomFieldValue>",
        "<key>secret</key><type>secret</type><reason>secret</reason>",
        "<name>secret</name>",
        '<a serverGuid="secret">1</a>',
        "<!-- secret -->",
        "<x><![CDATA[secret]]></x>",
        '<changeSet><name>host["secret"].mountInfo</name></changeSet>',
        "secret",
        "<html><title>secret</title></html>",
        '<html><img alt="one\n secret"></html>',
        '<a x = "secret">1</a>',
        '<a xmlns:x="http://secret/secret/x" x:type="secret/x">1</a>',
        '<a xmlns:secret="urn:secret" xmlns="http://www.w3.org/secret"/>',
        "<a><secret>1</secret><p secret='1'></p><secret.secret></a>",
        "<x><![CDATA[Owner <secret>]]></x>",
        '<?xml version="1.0" host="secret"?><a/>',
        "<?secret secret?><a/>",
        "<eventTypeId>com.secret.backup</eventTypeId>",
        "<a><state>secret</state><version>secret</version><build>secret.secret</build></a>",
        "<a><propSet><name>runtime.powerState</name></propSet><propSet><name>x[1].y</name><val>secret</val></propSet></a>",
        "<changeSet><name>secret.name</name></changeSet>",
        "<p>&#115;&#101;&#x63;&#114;&#101;&#116;</p><!-- &#115;ecret -->",
        "<a secret",
        "<secret>" * 3 + "</secret>",
    ],
)
def test_whatever_else_there_is_does_not(reply: str) -> None:
    for told in (reply, reply.replace("secret", "&#115;&#101;&#99;&#114;&#101;&#116;")):
        assert not re.search(b"secret|&#115;|&#x63;", Pseudonyms().replaced(told.encode()))
    assert b"s\0e" not in Pseudonyms().replaced(reply.encode("utf-16"))


@pytest.mark.parametrize(
    ("secret", "encoding"),
    [
        ("Мюллер ГмбХ", "cp1251"),
        ("МЮЛЛЕР", "utf-16"),
        ("МЮЛЛЕР", "utf-16-le"),
        ("北京客户公司", "gbk"),
        ("Ünlü Öz", "latin-1"),
        ("Ⓜⓤⓔⓛⓛⓔⓡ", "utf-8"),
        ("🦄🏦", "utf-8"),
        ("\ue001\ue002", "utf-8"),
        ("\U000e0041\U000e0042", "utf-8"),
        ("हिंदी", "utf-8"),
    ],
)
def test_nor_do_letters_that_are_none_of_ascii(secret: str, encoding: str) -> None:
    for form in ("<html><p>{}</p></html>", "{}", "<a b='{}'/>"):
        told = Pseudonyms().replaced(form.format(secret).encode(encoding))
        for each in secret.strip():
            character = each.encode(encoding).removeprefix(b"\xff\xfe")
            assert character not in told.replace("¤".encode(), b"") or not character.strip(b" \xff")


def test_characters_that_are_often_the_fault_stay() -> None:
    odd = "\u202e\u200b\ufeff\u2028\x85\x01\ufffe\xa0"
    assert replaced(f"one {odd} two three") == [f"w1 {odd} w2 w3"]
    told = Pseudonyms().replaced(b"<x>one\xff\xfe</x>")
    assert told == b"<x>w1\xff</x>", "what is no UTF-8 stays none"


def test_the_time_that_a_reply_takes_grows_as_its_length() -> None:
    """The suite's time-out ends what does not: each took hours when its time grew as the square of its length."""
    many = 200_000
    for reply in (
        b'<a title="\n' + b" " * many + b'">x</a>',
        b"<br>" * many + b"</p>" * many,
        b"<a " * many,
        b"<!--" * many,
        b"<![CDATA[" * many,
        b"<a" + b' a=""' * many,
        b"<?xml" + b' version="1.0"' * many + b' a="b"' * many + b"?>",
        (b"<x>" + b":a" * 1000 + b"g</x>") * (many // 2000),
        (b"<propSet><name>" + b'["' * 1000 + b"</name></propSet>") * (many // 2000),
    ):
        assert Pseudonyms().replaced(reply)


def test_of_objects_with_one_uuid_the_older_stays_the_older() -> None:
    def one(moid: str) -> str:
        facts = {
            "config.instanceUuid": "502b1c2d-1111-2222-3333-444455556666",
            "config.template": "false",
            "runtime.connectionState": "connected",
            "runtime.powerState": "poweredOn",
        }
        changes = "".join(
            f"<changeSet><name>{name}</name><op>assign</op><val>{value}</val></changeSet>"
            for name, value in facts.items()
        )
        return f'<objectSet><kind>enter</kind><obj type="VirtualMachine">{moid}</obj>{changes}</objectSet>'

    told = Pseudonyms().replaced(f"<a>{one('vm-900')}{one('vm-100')}</a>".encode())
    inventory, bindings = Inventory(Moid("group-d1")), Bindings()
    inventory.apply("VirtualMachine", soap.parse(told)["a"]["objectSet"])
    list(bindings.bind(inventory, set(inventory.vms)))
    assert {moid: "@" in server for moid, server in bindings.servers.items()} == {
        "vm-900": True,
        "vm-100": False,
    }


def test_a_name_that_looks_like_the_id_of_an_object_is_that_of_its_files() -> None:
    name, path = replaced("vm-100", "[gold] vm-100/vm-100.vmx")
    assert path.split("/")[0].endswith(f" {name}")


@given(
    st.lists(st.ip_addresses(), min_size=1, max_size=30),
    st.integers(1, 32).map(str),
    st.sampled_from(["", ".0", ".255"]),
)
def test_an_address_stays_a_machines_own_or_none(
    told: list[IPv4Address | IPv6Address], prefix: str, ending: str
) -> None:
    numbers = [
        str(each).rpartition(".")[0] + ending if ending and each.version == 4 else str(each) for each in told
    ]
    pseudonyms = replaced(*numbers)
    assert len(set(pseudonyms)) == len(set(numbers))
    for number, pseudonym in zip(numbers, pseudonyms, strict=True):
        assert bool(usable_number(number, prefix)) == bool(usable_number(pseudonym, prefix)), (
            number,
            pseudonym,
        )


@pytest.mark.parametrize(
    "told",
    ["ff02::1", "::", "240.1.2.3", "0.1.2.3", "255.255.255.255", "2002:a00:1::1", "64:ff9b::a00:1", "2001:0:1::2"],
)  # fmt: skip
def test_an_address_that_no_machine_has_becomes_none_that_one_has(told: str) -> None:
    assert usable_number(replaced(told)[0]) == ""


def test_one_address_has_one_pseudonym_however_it_is_spelled_and_there_is_one_for_each() -> None:
    assert len(set(replaced("FD00::1", "fd00::1", "fd00:0:0::1"))) == 1
    many = [f"10.{number >> 8}.{number & 255}.7" for number in range(65_536)]
    many += [f"192.168.{number}.7" for number in range(256)]
    many += [f"{8 + (number >> 8)}.7.{number & 255}.7" for number in range(512)]
    told = replaced(*many)
    assert len(set(told)) == len(many)
    assert all(map(usable_number, told))


def test_what_a_machine_stands_in_for_is_the_same() -> None:
    reply = "<val><extensionKey>com.vmware.vcDr</extensionKey><type>placeholderVm</type></val>"
    machine = Vm(Moid("vm-1"))
    machine.take("config.managedBy", soap.parse(f"<a>{reply}</a>".encode())["a"]["val"])
    again = Vm(Moid("vm-1"))
    again.take("config.managedBy", soap.parse(Pseudonyms().replaced(f"<a>{reply}</a>".encode()))["a"]["val"])
    assert machine.manager == again.manager == "com.vmware.vcDr/placeholderVm"


@pytest.mark.parametrize(
    "reply",
    [
        "<a><name><![CDATA[web & co]]></name></a>",
        '<a x = "Mueller"><powerState>poweredOn</powerState></a>',
        '<v:a xmlns:v="urn:vim25"><v:powerState>poweredOn</v:powerState></v:a>',
        "<a><!-- one --><name>x</name></a>",
        "<a><?one two?><name>x</name></a>",
        "<a><name>&#252;&amp;" + "x&amp;" * 900 + "</name></a>",
    ],
)
def test_what_was_xml_still_is(reply: str) -> None:
    assert shape(soap.parse(reply.encode())) == shape(soap.parse(Pseudonyms().replaced(reply.encode())))


def test_names_of_somebodys_own_elements_are_replaced_all_alike() -> None:
    told = Pseudonyms().replaced(b'<own:one xmlns:own="urn:own"><own:part own:kind="1"/>x</own:one>')
    assert b"own" not in told
    assert soap.parse(told)


def test_of_a_long_text_only_the_length_stays() -> None:
    text = "c2VjcmV0 " * 500
    assert replaced(text) == [re.sub(r"\w", "x", text)]


def test_what_a_real_vcenter_said_reads_the_same_with_pseudonyms() -> None:
    pseudonyms = Pseudonyms()
    answers = [
        answer.body
        for call, answer in recorded.load(recorded.UPDATES_5_5)
        if call.method == "WaitForUpdatesEx"
    ]
    assert [shape(soap.parse(body)) for body in answers] == [
        shape(soap.parse(pseudonyms.replaced(body))) for body in answers
    ]
    assert pseudonyms.counts["words"] > 500


def shape(value: object) -> object:
    """A value without its texts, but for states and the names of properties."""
    if isinstance(value, dict):
        kept = {key: value[key] for key in ("op", "kind") if key in value}
        if str(value.get("name")).startswith("runtime."):
            kept["val"] = value.get("val")
        return {key: shape(each) for key, each in value.items()} | kept
    if isinstance(value, list):
        return Counter(map(repr, map(shape, value)))
    return "text"
