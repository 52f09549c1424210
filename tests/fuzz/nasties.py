"""Things that parsers stumble over: texts for a value, and raw pieces of each format."""

from __future__ import annotations

from tests.fuzz.inputs import odd_paths

DIGITS = "9" * 5000


def _nested(opening: str, closing: str, depth: int, inside: str = "") -> str:
    return opening * depth + inside + closing * depth


def _bomb(levels: int) -> str:
    """A YAML list of lists of aliases: its size is nine to the power of the levels."""
    lists = [f"&a0 [{', '.join(['x'] * 9)}]"]
    lists += [f"&a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, levels)]
    return f"[{', '.join(lists)}]"


def _merge_bomb(levels: int) -> str:
    maps = ["&m0 {k: v}"]
    for level in range(1, levels):
        maps.append(f"&m{level} {{<<: [{', '.join([f'*m{level - 1}'] * 9)}], k{level}: v}}")
    return f"[{', '.join(maps)}]"


#: The text of a value: it may be a name, a text, a path or a number.
TEXTS: list[str] = [
    *("", " ", "\n", "\r", "\r\n", "\t", "\u2028", "\x85", "x\ny", "x\ry", " a", "a "),
    *("x\x05y", "a\0b", "\x7f", "\x9b31m", "\ufffe", "\uffff", "\ufeff", "\ufeffa", "\ufffd", "\ud800"),
    "\ude00\ud83d",
    *("\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x1b[2J", "a\x08b", "\u202ertl\u202c", "\u2066x", "\u200b"),
    "\U000e0001",
    *("e\u0301" * 50, "👩\u200d👩\u200d👧", "ẞıİ", "ﷺ" * 30, "²", "٣", "½", "١٢"),
    *("a" * 300, "a" * 5000, "word " * 20_000, "a" * 100_000, "\n" * 5000, "x\n\n" * 3000),
    *("{text}", "{label}", "{text}{label}", "{label}{text}", "{", "}", "{{", "{0}", "{text!r}", "{text.__class__}"),
    "{" * 5000,
    *("{{ x }}", "{% for i in range(10**9) %}{% endfor %}", "{{", "{#", "{{{{", "{%", "%s", "%", "$HOME", "`id`"),
    *("\\", "\\x", "\\N{x}"),
    *(DIGITS, "-" + DIGITS, "1" * 400 + ".5", "1e999", "-1e999", "1e-999", "nan", "NaN", "Infinity", "-1", "0", "-0"),
    "1_000",
    *("0x10", "1000000000000", "99999999999999999999", "2147483648", "9223372036854775808", "1.5", "1,5", "true"),
    *("null", "~"),
    *("0-", "-", ",", ",,", "0-999999999999", "5-2", "0-2,5", "0-2-4", "1 - 3", "0," * 20_000),
    *("~nosuch/x", "~", "~root", "/", ".", "..", "../../..", "/dev/zero", "/dev/stdin", "/dev/full"),
    *("/proc/self/mem", "//x"),
    *("x" * 300 + ".csv", "x/" * 3000 + "y.csv", "a\0b.csv", "nosuch.csv", "nosuch/nosuch.jsonl", "\udcff.csv"),
    *("con", "file:///x"),
    *odd_paths(),
    *("a,b", "a;b", '"', "'", '"""', '""', 'a"b', "=1+1", "[x]", "[link]x[/link]", "[/]", "[red]x"),
    *("<script>x</script>", "&amp;"),
    *("[" * 1000, "(" * 1000, "[1+1j" + "+1j" * 2000 + "]", "[" * 200 + "]" * 200, "-" * 5000 + "1", "(lambda: 0)()"),
    "'\\d'",
    *("f'{x}'", "b'x'", "1if 1else 2", "[1, 2", "{'a': 1}", "(a+)+$", "a" * 40 + "!", "not a", "__class__"),
    "constructor",
    *("user", "system", "assistant", "<|im_start|>", "</s>", "<|endoftext|>", "<0x0A>", "▁", "\ue0000\ue001"),
    *("\ue000", "RAW0RAW"),
]

#: Pieces of JSON in a value's place; some are none.
JSON: list[str] = [
    *(DIGITS, "-" + DIGITS, "1" + "0" * 400 + ".5", "1e999", "-1e999", "1E400", "NaN", "Infinity", "-Infinity", "-0"),
    "0.1e-999",
    *(_nested("[", "]", 400), _nested("[", "]", 20_000), "[" * 50_000, "]" * 100, "{" * 100, '"', "'x'", "tru"),
    *("nul", "", "//x"),
    *(_nested('{"a":', "}", 400, "1"), _nested('{"a":', "}", 10_000, "1"), _nested('[{"a":', "}]", 200, "1")),
    '{"a":' * 10_000,
    *(r'"\ud800"', r'"\ud83d\ude00"', r'"\u0000"', r'"\u001b[31m"', r'"\u202e"', r'"\x"', r'"\ufffe"', '"\x05"'),
    '"a\nb"',
    *(r'{"\ud800": 1}', r'{"\u0000": 1}', '{"": 1}', '{"a": 1, "a": 2}', '{"__proto__": 1}', "{1: 2}", '{"a"}'),
    *("[1,]", "[,]"),
    *("[" + "0," * 20_000 + "0]", '["' + "a" * 50_000 + '"]'),
    "{" + ", ".join(f'"k{n}": {n}' for n in range(2000)) + "}",
    *("null", "true", "false", "0", "-1", "1.5", "[]", "{}", "[[]]", "[null]", '"x"', '""'),
    '{"file": "odd/fifo.csv"}',
]

#: Pieces of YAML in a value's place, in the flow style.
YAML: list[str] = [
    *("&a [*a]", "&a {b: *a}", "&a {<<: *a}", "{<<: x}", "{<<: [x]}", "{<<: [[x]]}", "*nosuch", "&a", "&a &b x"),
    *("* ", "&a [&a [*a]]"),
    *(_bomb(4), _bomb(9), _bomb(40), _merge_bomb(4), _merge_bomb(9), "{<<: [" + "{a: b}, " * 2000 + "]}"),
    "[&a x" + ", *a" * 5000 + "]",
    *("{? [x] : y}", "{[x]: y}", "{{x: y}: z}", "{? : y}", "{? x}", "{: }", "{null: x}", "{~: x}", "{a: 1, a: 2}"),
    *("? x", "{&k a: *k}"),
    *("!!bool x", "!!timestamp x", "!!int x", "!!float x", "!!null x", "!!binary x", "!!binary ééé", "!!str [x]"),
    *("!!seq x", "!!map x"),
    *("!!set {a, b}", "!!set [a]", "!!omap [a: b]", "!!omap x", "!!omap [a]", "!!pairs [a: b]", "!!pairs [[a]]"),
    *("!!merge x", "!!value x"),
    *("!!int ''", "!!int '0x'", "!!float ''", "!!float '.'", "!!timestamp 2001-99-99", "!!timestamp 2001-01-01"),
    "!!int 1:99:99",
    *("!!python/object/apply:os.system [id]", "!!python/name:os.system", "!foo bar", "!<tag:x> y", "!", "!!"),
    *("!h!x y", "!<> y"),
    *(f"!!int {DIGITS}", f"!!float {DIGITS}", f"!!int 0x{'f' * 5000}", f"!!int {'1:' * 2000}1"),
    "!!timestamp " + DIGITS,
    *("!!int 0b1", ".inf", ".nan", "0o7", "2001-01-01", "1:30:00", "yes", "No", "~", "null", "=", "<<", "|", ">"),
    *("|9", "%x", "@x", "`x"),
    *('"\x05"', '"\\ud800"', '"\\U00110000"', '"\\x"', '"\\0"', '"\\e[31m"', "'", '"', "\t", "x\ty", "\x85"),
    *("\u2028", "x\0y", "#", "x #y"),
    *(_nested("[", "]", 300), _nested("[", "]", 5000), "[" * 20_000, "{" * 2000, _nested("{a: ", "}", 300, "x")),
    *("{a: " * 5000, "- " * 2000),
    *("? " * 2000, "&a " * 2000, "!!str " * 2000, "a: " * 500, "a: b: c", ": " * 500, "[a, b", "]", "}", ",", "-"),
    *("--- x", "...", "---"),
    *("\n---\nx: y", "\n...\nx: y", "\n%YAML 9.9\n---\n", "\n%TAG ! x\n---\n", "\n? [x]\n: y\n", "\n- x\n  - y"),
    *("\n\tx: y", "\n  - [", "\n-"),
    *("k" * 2000 + ": v", "{" + "k" * 2000 + ": v}", "[" + "{a: b}, " * 3000 + "]"),
    "{" + ", ".join(f"k{n}: v" for n in range(2000)) + "}",
]

#: Pieces of TOML in a value's place.
TOML: list[str] = [
    *(DIGITS, "-" + DIGITS, "1e999", "nan", "inf", "0x" + "f" * 5000, "0b" + "1" * 20_000, "1_0", "1__0", "+1"),
    *("0o7", "1.e1"),
    *(_nested("[", "]", 500), _nested("[", "]", 20_000), "[" * 20_000, _nested("{a=", "}", 500, "1"), "{a=" * 5000),
    *("[1,", "{a=1,}", "{a"),
    *(r'"\ud800"', r'"\U00110000"', r'"\x1b"', r'"\u0000"', r'"\u001b[31m"', '"\x05"', '"a\nb"', "'''", '"""', "'"),
    *('"', "''", '""'),
    *("1979-05-27T07:32:00Z", "1979-99-27", "07:32:00", "1979-05-27", "99:99:99", "true", "TRUE", "null", "", "x"),
    *("[]", "{}", "[[]]"),
    *('"a"\na.b = 1', '"a"\n[keys]', '"a"\n[[keys]]', '"a"\n[keys.x]', "1\n" + "a." * 3000 + "a = 1"),
    *("1\n[" + "a." * 3000 + "a]", "1\n[]"),
    *('"a"\n"" = 1', '"a"\n= 1', '"a"\n"\\u0000" = "x"', "1\n" + "k" * 50_000 + " = 1", '"' + "x" * 50_000 + '"'),
    *("1 # \x05", "1 # \x7f"),
]

#: Whole templates of a chat, and pieces of them.
JINJA: list[str] = [
    *("{{ messages }}", "{{ messages[0].content }}", "{{ messages[99].content }}", "{{ nosuch.x.y }}", "{{ 1 / 0 }}"),
    "{{ raise_exception('no') }}",
    *("{{ raise_exception('a\\nb' * 500) }}", "{{ raise_exception(1) }}", "{{ raise_exception() }}"),
    "{{ raise_exception('\x1b[31m') }}",
    "{% for i in range(10**9) %}{% endfor %}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    *("{{ 'x' * 10**10 }}", "{{ 'x' * 10**8 }}", "{{ [0] * 10**9 }}", "{{ 9**9**9 }}", "{{ range(10**9) | list }}"),
    "{{ range(10**9) | sum }}",
    *("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% set x = namespace(y=1) %}{{ x.y }}"),
    *("{% include 'x' %}", "{% import 'x' as y %}"),
    *("{% extends 'x' %}", "{{ ''.__class__.__mro__ }}", "{{ cycler.__init__.__globals__ }}"),
    *("{{ messages.append(1) }}", "{{ messages.pop() }}"),
    *("{{ 'x' | nosuch }}", "{{ 'x' is nosuch }}", "{% nosuch %}", "{{", "{%", "{#", "}}", "{% if %}", "{% endif %}"),
    *("{{ ( }}", "{{ [1, }}"),
    *("{{ " + "(" * 150 + "1" + ")" * 150 + " }}", "{{ " + "(" * 5000 + " }}", "{{ " + "-" * 3000 + "1 }}"),
    "{{ " + "not " * 3000 + "1 }}",
    *("{% if 1 %}" * 60 + "{% endif %}" * 60, "{% if 1 %}" * 2000, "{% for a in b %}" * 30 + "{% endfor %}" * 30),
    "{{ 1 }}" * 5000,
    *(f"{{{{ {DIGITS} }}}}", "{{ '\\ud800' }}", "{{ '\\N{x}' }}", "{{ '%s' % 1 }}", "{{ '{0}'.format(1) }}"),
    "{{ '%9999999d' % 1 }}",
    *("{{ '{:9999999}'.format(1) }}", "{{ messages | tojson }}", "{{ messages | map('x') | list }}"),
    *("{{ strftime_now('%Y') }}", "{{ strftime_now(1) }}"),
    *("{{ m.content | trim }}", "{{ m.content | upper }}", "{{ m.content * 2 }}", "{{ m.role }}"),
    *("{% generation %}x{% endgeneration %}", "{% break %}"),
    *("{{ 'a' | center(10**9) }}", "{{ 'a' | indent(10**9) }}", "{{ lipsum(n=10**6) }}", "{{ dict(a=1).x }}"),
    *("{{ loop }}", "{{ self }}", "{{ varargs }}"),
]

#: Bytes to put anywhere in a file.
BYTES: list[bytes] = [
    *(b"\0", b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
    b"\xe2\x80\xa8",
    *(b"\r", b"\r\n", b"\n\n", b"\n", b"\x1b[31m", b"\x9b", b"\xc2\x9b", b"\xc2\x85", b"\x05", b"\x0c", b"\x1a"),
    *(b"\t", b"\x7f"),
    *(b'"', b"'", b",", b";", b":", b"{", b"}", b"[", b"]", b"&a ", b"*a", b"!", b"? ", b"- ", b"| ", b"# ", b"%"),
    *(b"\\", b"<<: "),
    *(DIGITS.encode(), b"\0" * 4096, b"A" * 100_000, b"[" * 50_000, b'"' * 5001, b"," * 20_000, b"\n" * 20_000),
    b"\xff" * 8,
]
