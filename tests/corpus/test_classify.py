from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetriever.corpus.classify import classify
from codetriever.corpus.languages import EXTENSIONS, INTERPRETERS, LANGUAGES, NAMES
from codetriever.types import Role

REVIEWED = """
asm s a51 nasm bat cmd btm sh bash zsh fish ksh csh tcsh c h i cpp cxx cc c++ hpp hxx hh h++ inl ipp cs csx cmake css scss sass less styl
dockerfile containerfile f for f90 f95 f03 f08 f77 go hs lhs html htm xhtml xml xsl xslt svg java scala sc sbt js mjs cjs jsx ts tsx mts
cts json jsonc json5 yaml yml jl lua makefile mk mak make md markdown mdown mdx rst adoc asciidoc textile org txt text php php3 php4 php5
php7 php8 phtml pl pm t pod perl ps1 psd1 psm1 ps1xml pssc psc1 py pyw pyx pyi rb rbw rake gemspec ru rs sql mysql pgsql plsql tsql tex
latex ltx cls sty bib vb vbs bas vba toml ini cfg conf config gradle groovy swift kt kts dart r rmd m mm proto graphql gql vue elm ex exs
erl hrl ml mli fs fsi fsx clj cljs cljc nim zig v sol
""".split()


def language(path: str, data: bytes = b"") -> str:
    return classify(path, data).language


def role(path: str, data: bytes = b"") -> str:
    return classify(path, data).role.value


def test_every_reviewed_extension_is_known() -> None:
    assert [extension for extension in REVIEWED if extension not in EXTENSIONS] == []
    assert len(EXTENSIONS) >= 400


@pytest.mark.parametrize("table", [EXTENSIONS, NAMES, INTERPRETERS])
def test_tables_are_folded_and_name_known_languages(table: dict[str, str]) -> None:
    assert [key for key in table if key != key.lower()] == []
    assert set(table.values()) <= set(LANGUAGES)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.PY", "python"),
        ("a.d.ts", "typescript"),
        ("a.jsx", "javascript"),
        ("a.tsx", "tsx"),
        ("A.KT", "kotlin"),
        ("x.c++", "cpp"),
        ("Dockerfile", "dockerfile"),
        ("Dockerfile.dev", "dockerfile"),
        ("web.Dockerfile", "dockerfile"),
        ("Containerfile", "dockerfile"),
        ("GNUmakefile", "make"),
        ("Makefile.am", "make"),
        ("Makefile.linux", "make"),
        ("CMakeLists.txt", "cmake"),
        ("config.h.in", "c"),
        ("page.html.erb", "html"),
        ("settings.yaml.example", "yaml"),
        ("Gemfile", "ruby"),
        ("Jenkinsfile", "groovy"),
        ("go.mod", "go"),
        ("Cargo.lock", "toml"),
        (".bashrc", "bash"),
        (".gitignore", "ignore"),
        ("Kconfig", "kconfig"),
        ("LICENSE", "text"),
        ("LICENSE.MIT", "text"),
        ("BUILD", "starlark"),
        ("a.ipynb", "jupyter"),
        ("unknown.qqq", "text"),
        ("noextension", "text"),
        ("", "text"),
        ("a.", "text"),
        (".", "text"),
    ],
)
def test_language_by_name(path: str, expected: str) -> None:
    assert language(path) == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (b"#!/bin/sh\n", "bash"),
        (b"#!/usr/bin/env python3\n", "python"),
        (b"#!/usr/bin/env -S python3.11 -u\n", "python"),
        (b"#! /usr/bin/perl -w\n", "perl"),
        (b"#!/usr/bin/env FOO=1 node\n", "javascript"),
        (b"#!/usr/local/bin/ruby2.7\n", "ruby"),
        (b"#!/usr/bin/env deno run\n", "typescript"),
        (b"#!/usr/bin/nothing\n", "text"),
        (b"#!", "text"),
        (b"# -*- mode: Ruby -*-\n", "ruby"),
        (b"/* -*- C++ -*- */\n", "cpp"),
        (b"# vim: set ft=python :\n", "python"),
        (b"<?php echo 1;", "php"),
        (b"<?xml version='1.0'?>", "xml"),
        (b"<!DOCTYPE html>\n", "html"),
        (b'{"a": 1}\n', "json"),
        (b"diff --git a/x b/x\n", "diff"),
        (b"have=yes\nif test $have; then\n  echo a\nfi\n", "bash"),
    ],
)
def test_language_by_first_line_and_content(first: bytes, expected: str) -> None:
    assert language("bin/tool", first) == expected
    assert language("tool.unknown", first) == expected


def test_a_script_named_like_something_else_is_what_its_first_line_says() -> None:
    assert language("build", b"#!/bin/bash\nmake\n") == "bash"
    assert language("a.py", b"#!/bin/sh\n") == "python"


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        ("a.h", b"#ifndef A_H\n#define A_H\nstruct a { int b; };\nint f(struct a *class);\n#endif\n", "c"),
        ("a.h", b'#ifdef __cplusplus\nextern "C" {\n#endif\nint f(void);\n#ifdef __cplusplus\n}\n#endif\n', "c"),
        ("a.h", b"/* the class of using templates; a friend, private: no */\nint operator_count;\n", "c"),
        ("a.h", b"#include <vector>\n", "cpp"),
        ("a.h", b"class Foo : public Bar {\n", "cpp"),
        ("a.h", b"namespace a {\nint f();\n}\n", "cpp"),
        ("a.h", b"template <typename T>\nT f(T t);\n", "cpp"),
        ("a.h", b"void f(const std::string& s);\n", "cpp"),
        ("a.h", b"#import <Foundation/Foundation.h>\n@interface Foo : NSObject\n@end\n", "objc"),
        ("a.m", b"#import <Foundation/Foundation.h>\n@implementation Foo\n", "objc"),
        ("a.m", b"function y = f(x)\n% squares\ny = x.^2;\nend\n", "matlab"),
        ("a.v", b"module main(input a);\nendmodule\n", "verilog"),
        ("a.v", b"Theorem t : forall n, n = n.\nProof. auto. Qed.\n", "coq"),
        ("a.v", b"module main\nfn main() { println('x') }\n", "v"),
        ("a.pl", b"use strict;\nmy $x = 1;\n", "perl"),
        ("a.pl", b":- use_module(library(lists)).\nparent(a, b) :- true.\n", "prolog"),
        ("rules.pro", b"-keep class a.B\n", "text"),
        ("a.pro", b"QT += core\n", "make"),
        ("a.ts", b"<?xml version='1.0'?>\n<TS></TS>\n", "xml"),
        ("a.ts", b"export const a = 1\n", "typescript"),
        ("a.fs", b"#version 330\nvoid main() {}\n", "glsl"),
        ("a.fs", b"module A\nlet f x = x\n", "fsharp"),
        ("a.cls", b"\\ProvidesClass{a}\n", "latex"),
        ("a.d", b"module a;\nimport std.stdio;\n", "d"),
        ("a.d", b"a.o: a.c a.h \\\n b.h\n", "make"),
        ("a.inc", b"<?php\n", "php"),
        ("a.inc", b"#define A 1\n", "cpp"),
        ("a.1", b".TH A 1\n", "roff"),
        ("log.1", b"12:00 started\n", "text"),
        ("web.config", b"<?xml version='1.0'?><a/>", "xml"),
        ("app.config", b"<configuration/>", "xml"),
        ("other.config", b"a = 1\n", "ini"),
    ],
)
def test_language_by_content_where_extensions_are_shared(path: str, data: bytes, expected: str) -> None:
    assert language(path, data) == expected


ROLES = {
    "test": """
        tests/a.py test/a/b.c src/__tests__/a.js a_test.go pkg/test_a.py test_a.py conftest.py a.test.ts a.spec.tsx spec/a_spec.rb
        src/test/java/A.java FooTest.java FooTests.swift FooSpec.scala src/FooTests/a.cs e2e/a.js testdata/a.json a.bats t/a.t
        Foo.Tests/a.cs integration-tests/a.rs app/src/androidTest/A.kt testing/a.c TestFoo.java Sources/FooTestHelpers/a.swift
        test/readme.test.ts tests/fixtures/a.md
    """,
    "docs": """
        README.md README tests/README.md docs/a.rst doc/index.html CHANGELOG LICENSE COPYING.LIB CONTRIBUTING.md a.adoc man/a.1
        notes.txt docs/a.js logo.png.license docs/conf.json NEWS.txt AUTHORS a.tex
    """,
    "config": """
        a.json a.yaml a.toml setup.cfg setup.py .rspec App.sln rules.pro Makefile CMakeLists.txt Dockerfile
        .github/workflows/a.yml .github/a.py
        webpack.config.js .eslintrc.js requirements.txt go.mod build.gradle.kts pom.xml a.ini .gitignore Gemfile package.json Kconfig
        Package.swift
    """,
    "generated": """
        package-lock.json yarn.lock Cargo.lock go.sum pnpm-lock.yaml a.min.js a.bundle.js a.pb.go a_pb2.py a.g.dart a.generated.cs
        vendor/a.go third_party/a.c web/node_modules/a/b.js a.js.map __snapshots__/a.snap icon.svg data.csv out.log
        zz_generated.deepcopy.go jquery-3.1.js poetry.lock vendor/README.md a.Designer.cs deps/vendor/tests/a.py
    """,
    "code": """
        a.py src/latest.py src/attest.go contest.py src/testify.go src/protest/a.py src/inspector.js a.sql a.html main.tf docs/conf.py
        src/vendors.py src/jquery.js src/install.py src/history.py auto/configure bin/tool src/specification.ts src/Contest.java
        src/Latest.java src/generation.py Greatest.cs src/document.c
        manual.go
    """,
}


@pytest.mark.parametrize("expected", ROLES)
def test_role_by_path(expected: str) -> None:
    paths = ROLES[expected].split()
    assert {path: role(path) for path in paths} == dict.fromkeys(paths, expected)


@pytest.mark.parametrize(
    "head",
    [
        b"// Code generated by protoc-gen-go. DO NOT EDIT.\n",
        b"/* @generated SignedSource<<abc>> */\n",
        b"// <auto-generated>\n",
        b"# Generated by the protocol buffer compiler.  DO NOT EDIT!\n",
        b"/* This file was automatically generated by SWIG. */\n",
        b"# This file is autogenerated by pip-compile\n# autogenerated by x\n",
        b"/* A Bison parser, made by GNU Bison 3. */\n/* generated by bison */\n",
        b"// DO NOT EDIT: this is generated from a.idl\n",
    ],
)
def test_generated_files_are_known_by_their_heads(head: bytes) -> None:
    assert role("a.go", head + b"int a;\n") == "generated"
    assert role("a.go", b"int a;\n" * 1000 + head) == "code"


@pytest.mark.parametrize(
    "text",
    [
        b"def generated(): pass\n",
        b"# Do not edit the list\n",
        b"# how code is generated\n",
        b"class Generated {}\n",
        b"text = 'code generated by x, do not edit'\n",
    ],
)
def test_code_about_generating_is_code(text: bytes) -> None:
    assert role("a.py", text) == "code"


def test_minified_text_is_generated() -> None:
    line = b"function a(b,c){return b+c};" * 100
    assert role("a.js", line) == "generated"
    assert role("a.css", line + b"\n" + line) == "generated"
    assert role("a.js", line.replace(b";", b";\n")) == "code"
    assert role("a.py", line) == "code"


@given(st.text(max_size=60), st.binary(max_size=200))
def test_anything_is_classified(path: str, data: bytes) -> None:
    found = classify(path, data)
    assert found.language in LANGUAGES
    assert found.role in Role


@pytest.mark.parametrize("extension", ["", "h", "m", "v", "pl", "pp", "cls", "d", "inc", "t", "e", "st", "conf", "1", "js", "py", "fs"])
def test_strange_content_is_classified_in_time(extension: str) -> None:
    pieces = (
        b" ",
        b"\n",
        b"a ",
        b"a:",
        b"a",
        b"\t\n",
        b"(",
        b"{",
        b"/*",
        b"a::",
        b"#if",
        b"generated ",
        b"&&a",
        b"<",
        b'"',
        b"a=b;",
        b"(((\n",
        b"#!a b ",
    )
    for piece in pieces:
        data = piece * (40_000 // len(piece))
        started = time.perf_counter()
        classify(f"a.{extension}", data)
        assert time.perf_counter() - started < 1, piece
