import tomli
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.lines import KeyPath, key_lines, line_of

EVERYTHING = '''\
# a comment with "quotes" and [brackets]
top = 1
dotted.key . "with.dot" = 2

[a.b]        # implies a
text = """
[not.a.table]
x = 1 \\""" ""
"""
after = 'single # no comment'
[a]
list = [
    1,       # one, two]
    [2, 3],
    { x = 1, y.z = "}" },
]
when = 1979-05-27 07:32:00

[[rule]]
name = "one"
[[rule]]
attribute = { name = "client", value = "acme" }
[rule.more]
deep = true
[[rule.part]]
p = 1
[[rule.part]]
p = \'\'\'
two\'\'\'\'\'
last = 1
'''


def paths_of(value: object, path: KeyPath = ()) -> set[KeyPath]:
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    else:
        return {path}
    return {path}.union(*(paths_of(child, (*path, key)) for key, child in children))


def at(data: object, path: KeyPath) -> object:
    for part in path:
        data = data[part]  # type: ignore[index]  # paths come from the data themselves
    return data


def test_every_kind_of_key_has_its_line() -> None:
    lines = key_lines(EVERYTHING)
    assert set(lines) == paths_of(tomli.loads(EVERYTHING)) - {()}
    expected = {
        ("top",): 2,
        ("dotted",): 3,
        ("dotted", "key", "with.dot"): 3,
        ("a",): 11,
        ("a", "b"): 5,
        ("a", "b", "after"): 10,
        ("a", "list"): 12,
        ("a", "list", 0): 13,
        ("a", "list", 1, 1): 14,
        ("a", "list", 2, "y", "z"): 15,
        ("a", "when"): 17,
        ("rule",): 19,
        ("rule", 0, "name"): 20,
        ("rule", 1): 21,
        ("rule", 1, "attribute", "value"): 22,
        ("rule", 1, "more", "deep"): 24,
        ("rule", 1, "part", 0, "p"): 26,
        ("rule", 1, "part", 1, "p"): 28,
        ("rule", 1, "part", 1, "last"): 30,
    }
    assert {path: lines[path] for path in expected} == expected


def test_a_path_that_is_not_in_the_text_has_the_line_of_the_table_around_it() -> None:
    lines = key_lines("[a]\nx = 1\n[b]\n")
    assert line_of(lines, ("b", "missing", "deeper")) == 3
    assert line_of(lines, ("elsewhere",)) == 1
    assert line_of(lines, ()) == 1


def test_windows_line_ends_count_once() -> None:
    assert key_lines("a = 1\r\n\r\n[t]\r\nb = 2\r\n")["t", "b"] == 4


# A document is drawn together with its text; every leaf holds a token that stands nowhere else, so the line that
# the token is on is the line of its key.

KEYS = st.sampled_from(["a", "b", "c-d", "e.f", "g h", "ü", 'q"uote', "", "1", "[x]", "#", "tab\t"])
NESTED = st.recursive(
    st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, NESTED, max_size=4)


class Writer:
    """Writes a document as TOML in styles that hypothesis chooses."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.tokens = 0

    def choose(self, *options: str) -> str:
        return self.data.draw(st.sampled_from(options))

    def key(self, key: str) -> str:
        escaped = key.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
        styles = [f'"{escaped}"', '"' + "".join(f"\\u{ord(letter):04x}" for letter in key) + '"', f"'{key}'"]
        if key and all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in key):
            styles.append(key)
        return self.choose(*styles)

    def leaf(self) -> str:
        self.tokens += 1
        token = f"token{self.tokens}."
        return self.choose(
            f'"{token}\\"]"',
            f"'{token}[x] # \\'",
            f'"""{token}\n[a]\n\\"""b = 1\n"""""',
            f"'''{token}\n]}} # '\n''''",
        )

    def value(self, value: object) -> str:
        if isinstance(value, list):
            items = "".join(f"{self.space()}{self.value(item)}{self.space()}," for item in value)
            return f"[{items}{self.space()}]"
        if isinstance(value, dict):
            return f"{{{', '.join(f'{self.key(key)} = {self.value(item)}' for key, item in value.items())}}}"
        return self.leaf()

    def space(self) -> str:
        return self.choose("", " ", "\n", ' # ] a comment [ "\n\n')

    def table(self, table: dict[str, object], header: tuple[str, ...] = ()) -> str:
        own, below = "", ""
        for key, value in table.items():
            names = (*header, self.key(key))
            if isinstance(value, dict) and self.choose("header", "inline") == "header":
                below += f"\n[ {' . '.join(names)} ] # {{\n" + self.table(value, names)
            elif is_list_of_tables(value) and self.choose("header", "inline") == "header":
                assert isinstance(value, list)
                for item in value:
                    below += f"[[{'.'.join(names)}]]\n" + self.table(item, names)
            else:
                own += f"{names[-1]}{self.choose('', ' ')}= {self.value(value)}{self.choose('', ' # =')}\n"
        return own + below


def is_list_of_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


@given(document=DOCUMENTS, data=st.data())
def test_any_text_that_tomli_parses_has_a_line_for_every_path_and_the_right_one_for_every_leaf(
    document: dict[str, object], data: st.DataObject
) -> None:
    text = Writer(data).table(document)
    parsed = tomli.loads(text)
    lines = key_lines(text)
    assert set(lines) == paths_of(parsed) - {()}
    for path in lines:
        value = at(parsed, path)
        if isinstance(value, str):
            token = value.split(".")[0] + "."
            assert lines[path] == text[: text.index(token)].count("\n") + 1
