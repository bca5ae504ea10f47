"""C as it is written, with macros and branches that only a preprocessor makes whole."""

from __future__ import annotations

from codetriever.chunking import cut
from codetriever.chunking.preprocessor import without_directives, without_type_macros

BRANCHES = b"""\
#ifdef THREADS
int threaded(int a) {
    if (a) {
#else
#define PLAIN 1
int plain(int a) {
    if (!a) {
#endif
        return 1;
    }
    return 0;
}
"""
PADDING = b"".join(b"int padding_%d(void) {\n    return %d;\n}\n\n" % (number, number) for number in range(60))


def names(source: bytes, language: str) -> list[str]:
    return [one.qualified_name for one in cut(source, language).definitions]


def test_definitions_after_a_split_function_are_found() -> None:
    found = names(BRANCHES + PADDING, "c")
    assert {"threaded", "PLAIN", "padding_0", "padding_59"} <= set(found)


def test_a_macro_before_a_class_name_is_no_name() -> None:
    assert names(b"class SHOP_EXPORT Order final : public Base {\n  Order() : total_(0) {}\n};\n", "cpp") == ["Order", "Order.Order"]
    assert names(b"class [[nodiscard]] ALIGNED(8) Box {\n int f() { return 1; }\n};\n", "cpp") == ["Box", "Box.f"]


def test_offsets_and_lines_stay() -> None:
    for blanked in (without_directives(BRANCHES), without_type_macros(b"class SHOP_EXPORT A {\n};\n" + BRANCHES)):
        assert len(blanked) in (len(BRANCHES), len(b"class SHOP_EXPORT A {\n};\n" + BRANCHES))
        assert blanked.count(b"\n") in (BRANCHES.count(b"\n"), BRANCHES.count(b"\n") + 2)


def test_one_branch_of_each_condition_is_kept() -> None:
    source = b"#if 0\nzero\n#elif X\none\n#else\ntwo\n#endif\n#ifdef Y\n# if Z\nthree\n# endif\n#else\nfour\n#endif\nfive\n#endif\nsix\n"
    assert without_directives(source).split() == [b"one", b"three", b"five", b"six"]


def test_a_macro_alone_on_its_line_is_blanked_but_no_test_case() -> None:
    source = b"DEFINE_THING(a, b)\nTEST_F(Suite, name)\n{\n}\nCALLED(x);\n"
    assert without_directives(source).split() == [b"TEST_F(Suite,", b"name)", b"{", b"}", b"CALLED(x);"]
