"""Path normalisation, against the answers of Envoy 1.40.0 with Istio's settings."""

import pytest

from hybridmesh.config.model import PathNormalization
from hybridmesh.reference.path import PathError, normalise

NORMALISED = {
    # nothing to do
    "/": "/",
    "//": "//",
    "///a": "///a",
    "/a//b": "/a//b",
    "/a/...": "/a/...",
    "/a/.b": "/a/.b",
    "/a/..b/c..": "/a/..b/c..",
    "/a;b/c:d@e,f=g": "/a;b/c:d@e,f=g",
    "/!$&'()*+[]~-_": "/!$&'()*+[]~-_",
    # dot segments
    "/.": "/",
    "/..": "/",
    "/./": "/",
    "/../../a": "/a",
    "/a/.": "/a/",
    "/a/..": "/",
    "/a/./b": "/a/b",
    "/a/../b": "/b",
    "/a/../../b": "/b",
    "/a//../b": "/a/b",
    "/a/.//b": "/a//b",
    "//../a": "/a",
    "//..": "/",
    "//.": "//",
    "/a/b/..//..": "/a/",
    "/a///..//..": "/a//",
    "/a/b///../c": "/a/b//c",
    "/.../..": "/",
    # decoding
    "/%41%7a%30%2D%2e%5F%7E": "/Az0-._~",
    "/a%2fb%2Fc": "/a%2fb%2Fc",
    "/a%5cb/..%5c": "/a%5cb/..%5c",
    "/a%3Fb%23": "/a%3Fb%23",
    "/a%2541": "/a%2541",
    "/a%c3%A9": "/a%c3%A9",
    "/a%20%7f%ff": "/a%20%7f%ff",
    "/a/%2e": "/a/",
    "/a/%2E%2e/b": "/b",
    "/a/.%2e/b": "/b",
    "/a/%2e./b": "/b",
    "/a/%2e%2e%2fb": "/a/..%2fb",
    "/a/%252e%252e/b": "/a/%252e%252e/b",
    # broken encodings stay, and never become whole ones
    "/a%": "/a%",
    "/a%4": "/a%4",
    "/a%zz": "/a%zz",
    "/a/%2e%2": "/a/.%2",
    "/%u0041": "/%u0041",
    "/a%%41": "/a%A",
    "/a%%34%31": "/a%2541",
    "/a%4%31": "/a%2541",
    "/a/%%32e%%32e/b": "/a/%252e%252e/b",
    # backslash
    "/a\\b": "/a/b",
    "/\\a": "//a",
    "/a\\..\\b": "/b",
    "/a/..\\b": "/b",
    "/a/..\\": "/",
    "/a\\": "/a/",
    # encoded, for no URI may hold them
    '/"<>^`{|}': "/%22%3C%3E%5E%60%7B%7C%7D",
    # parameters of dot segments go with them
    "/..;/a": "/a",
    "/a/..;x=1;y/b": "/b",
    "/a/.;x/b": "/a/b",
    "/a/..;x.y/b": "/b",
    "/a/..;": "/",
    "/a/..;%2e/b": "/b",
    "/a/..;%00/b": "/b",
    "/a/..;\\b": "/",
    "/a/b;x/../c": "/a/c",
    "/a/...;/b": "/a/...;/b",
    "/a/;../b": "/a/;../b",
}


@pytest.mark.parametrize(("path", "expected"), NORMALISED.items())
def test_a_path_is_normalised_as_envoy_does_it(path: str, expected: str) -> None:
    assert normalise(path) == expected


@pytest.mark.parametrize("path", ["/a%00", "/%00/..", "/a/..%00/b"])
def test_an_encoded_nul_is_refused(path: str) -> None:
    with pytest.raises(PathError):
        normalise(path)


@pytest.mark.parametrize("path", ["/a/%2e%2e;/b", "/a/.%2e;x/b", "/a\\..;\\b", "/%2e;"])
def test_a_dot_segment_that_envoy_leaves_to_the_pod_is_refused(path: str) -> None:
    with pytest.raises(PathError):
        normalise(path)


def test_of_all_triplets_only_unreserved_characters_are_decoded_once() -> None:
    unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    for code in range(1, 256):
        for triplet in (f"%{code:02x}", f"%{code:02X}"):
            expected = chr(code) if chr(code) in unreserved else triplet
            assert normalise(f"/a{triplet}b") == f"/a{expected}b"


def test_of_all_bytes_a_target_may_hold_nine_are_rewritten_in_the_path() -> None:
    rewritten = {
        '"': "%22",
        "<": "%3C",
        ">": "%3E",
        "\\": "/",
        "^": "%5E",
        "`": "%60",
        "{": "%7B",
        "|": "%7C",
        "}": "%7D",
    }
    for code in range(0x21, 0x7F):
        byte = chr(code)
        if byte not in "?#":
            assert normalise(f"/a{byte}b") == f"/a{rewritten.get(byte, byte)}b"


MODES = {
    #              NONE              BASE              MERGE_SLASHES    DECODE_AND_MERGE_SLASHES
    "/":           ("/",             "/",              "/",             "/"),
    "//":          ("//",            "//",             "//",            "//"),
    "////":        ("////",          "////",           "//",            "//"),
    "//a///b//":   ("//a///b//",     "//a///b//",      "/a/b/",         "/a/b/"),
    "/a/../b":     ("/a/../b",       "/b",             "/b",            "/b"),
    "/a//../b":    ("/a//../b",      "/a/b",           "/a/b",          "/a/b"),
    "/%41":        ("/%41",          "/A",             "/A",            "/A"),
    "/a%2Fb":      ("/a%2Fb",        "/a%2Fb",         "/a%2Fb",        "/a/b"),
    "/a%2f/b":     ("/a%2f/b",       "/a%2f/b",        "/a%2f/b",       "/a/b"),
    "/a%5Cb%5c":   ("/a%5Cb%5c",     "/a%5Cb%5c",      "/a%5Cb%5c",     "/a/b/"),
    "/a\\b":       ("/a\\b",         "/a/b",           "/a/b",          "/a/b"),
    "/%2F":        ("/%2F",          "/%2F",           "/%2F",          "//"),
    "/a/%2F..":    ("/a/%2F..",      "/a/%2F..",       "/a/%2F..",      "/a/"),
    "/%252F":      ("/%252F",        "/%252F",         "/%252F",        "/%252F"),
    '/"':          ('/"',            "/%22",           "/%22",          "/%22"),
}  # fmt: skip


@pytest.mark.parametrize("path", MODES)
@pytest.mark.parametrize("mode", PathNormalization)
def test_a_path_is_normalised_as_the_mesh_says(path: str, mode: PathNormalization) -> None:
    assert normalise(path, mode) == MODES[path][list(PathNormalization).index(mode)]
