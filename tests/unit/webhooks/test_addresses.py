"""Where webhooks may lead."""

from __future__ import annotations

import ipaddress

import pytest

from assay.errors import InvalidInput
from assay.webhooks.addresses import AllowList, Endpoint, is_public, parse_url
from assay.webhooks.allowed import allowed_by_environment
from assay.webhooks.resolving import check_url

NOBODY = AllowList()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "169.254.169.254",
        "172.31.255.255",
        "192.0.0.8",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "2600::5efe:127.0.0.1",
        "2600::200:5efe:127.0.0.1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450::1"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_whatever_is_public_is_global_for_python_too() -> None:
    samples = [ipaddress.ip_address((high << 24) + 0x010203) for high in range(256)]

    assert [a for a in samples if is_public(a) and not a.is_global] == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org/x",
        "//hooks.example.org/x",
        "ftp://hooks.example.org/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///x",
        "https://user@hooks.example.org/x",
        "https://user:word@hooks.example.org/x",
        "https://hooks.example.org@10.0.0.1/x",
        "https://hooks.example.org/x#part",
        "https://hooks.example.org:0/x",
        "https://hooks.example.org:99999/x",
        "https://hooks.example.org:port/x",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\r\nHost: other",
        "https://hooks.exa\tmple.org/",
        "https://hooks.example.org\\@10.0.0.1/",
        "https://bücher.example.org/",
        "https://%31%30.0.0.1/",
        "https://127.1/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://1.2.3.4.5/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[1.2.3.4]/",
        "https://-/\x00",
        "https://hooks..example.org/",
        "https://" + "a" * 3_000,
        "https://" + "a-" * 200 + "!",
    ],
)
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        parse_url(url)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://hooks.example.org", Endpoint("https", "hooks.example.org", 443, "/")),
        ("HTTPS://Hooks.Example.ORG./a", Endpoint("https", "hooks.example.org", 443, "/a")),
        ("https://h:8443/a/b?c=d&e=%20", Endpoint("https", "h", 8443, "/a/b?c=d&e=%20")),
        ("http://10.0.0.1/x", Endpoint("http", "10.0.0.1", 80, "/x")),
        ("https://[2606:4700::0001]/", Endpoint("https", "2606:4700::1", 443, "/")),
    ],
)
def test_a_url_is_taken_apart(url: str, endpoint: Endpoint) -> None:
    assert parse_url(url) == endpoint


def test_the_host_header_has_brackets_and_a_port_that_is_not_usual() -> None:
    assert parse_url("https://[2606:4700::1]:8443/").host_header == "[2606:4700::1]:8443"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://169.254.169.254/latest/meta-data",
        "http://1.1.1.1/x",
        "http://hooks.invalid/x",
        "https://hooks.invalid/x",
    ],
)
def test_what_is_not_public_https_is_refused_unless_allowed(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url, NOBODY)


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("http://127.0.0.1:8080/x", "127.0.0.1"),
        ("http://127.0.0.1:8080/x", "127.0.0.0/8"),
        ("https://[::1]/x", "[::1]"),
        ("http://localhost/x", "localhost"),
        ("https://hooks.invalid/x", "Hooks.Invalid."),
    ],
)
def test_a_host_address_or_range_may_be_allowed(url: str, entry: str) -> None:
    check_url(url, AllowList([entry]))


def test_a_name_is_allowed_by_the_range_that_it_leads_into() -> None:
    check_url("http://localhost/x", AllowList(["127.0.0.0/8", "::1"]))


def test_a_public_address_passes_without_being_allowed() -> None:
    assert check_url("https://1.1.1.1/x", NOBODY).host == "1.1.1.1"


def test_a_name_with_one_bad_address_is_refused() -> None:
    with pytest.raises(InvalidInput, match="public"):
        NOBODY.check(parse_url("https://hooks.example.org/"), ["1.1.1.1", "10.0.0.1"])


def test_an_allowed_range_is_no_pattern_of_names() -> None:
    with pytest.raises(InvalidInput):
        check_url("https://127.0.0.1.invalid/", AllowList(["127.0.0.1"]))


@pytest.mark.parametrize("entry", ["", "*.example.org", "http://host", "host/path", "10.0.0.0/99"])
def test_a_bad_entry_of_the_list_is_refused(entry: str) -> None:
    with pytest.raises(InvalidInput, match="webhook_allow"):
        AllowList([entry])


def test_a_message_about_a_url_does_not_repeat_its_path() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_url("https://10.0.0.1/services/T0/secret", NOBODY)

    assert "secret" not in str(caught.value)


def test_a_store_without_a_server_allows_what_its_server_would() -> None:
    environ = {"ASSAY_SERVER_WEBHOOK_ALLOW": "hooks.lan, 10.0.0.0/8,"}

    assert allowed_by_environment(environ) == ["hooks.lan", "10.0.0.0/8"]
