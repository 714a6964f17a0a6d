"""Addresses: what tells two pages apart, what doesn't, and what is no address."""

from __future__ import annotations

import pytest

from winnow.stages.deduplicate.url import normalise_url

APART = [
    ("http://t.cn/f?kw=%B1%B1%BE%A9", "http://t.cn/f?kw=%B9%E3%D6%DD"),  # 北京, 广州 in GBK
    ("http://t.jp/f?q=%93%8C%8B%9E", "http://t.jp/f?q=%91%E5%8D%E3"),  # 東京, 大阪 in Shift-JIS
    ("http://t.fr/?q=caf%E9", "http://t.fr/?q=caf%E8"),  # Latin-1
    ("http://t.org/%E9", "http://t.org/%C3%A9"),
    ("http://t.org/?q=a%26b", "http://t.org/?q=a&b"),  # an escaped sign of the grammar isn't that sign
    ("http://t.org/a%2Fb", "http://t.org/a/b"),
    ("http://t.org/?q=a%2Bb", "http://t.org/?q=a+b"),
    ("https://t.org/#!/t/101", "https://t.org/#!/t/202"),
    ("https://t.org/app#/users/1", "https://t.org/app#/users/2"),
    ("http://t.org/?a=1&a=2", "http://t.org/?a=2&a=1"),
    ("http://t.org:8080/", "http://t.org/"),
    ("http://t.org/Page", "http://t.org/page"),
    ("urn:isbn:9780141439518", "urn:isbn:9780142437247"),
]
TOGETHER = [
    ("http://www.T.org:80/a/", "https://t.org/a"),
    ("https://t.org:443/a", "http://t.org/a"),
    ("https://t.org/a#top", "https://t.org/a"),
    ("https://t.org/#!", "https://t.org/"),
    ("https://t.org/a?b=2&a=1&utm_source=x", "https://t.org/a?a=1&b=2"),
    ("https://t.org/%7eme/?q=%e5%8c%97", "https://t.org/~me?q=北"),
    ("https://t.org/?q=a+b", "https://t.org/?q=a%20b"),
    ("https://bücher.de/x", "https://xn--bcher-kva.de/x"),
    ("t.org/page", "http://t.org/page"),
    ("http://me:pw@t.org/a", "http://t.org/a"),
]
NO_ADDRESS = [
    *("", " ", "-", "n/a", "N/A", "unknown", "None", "null", "12345", "see below", "about:blank", "about:srcdoc"),
    *("http://localhost", "http://localhost:3000/page", "http://127.0.0.1:8000/", "http://[::1]/x", "http://0.0.0.0/"),
    *("file:///home/me/page.html", "data:text/html,x", "javascript:void(0)", "http://", "http://null/", "http://[x"),
    *("http://host.invalid/a", "http://unknown", "C:\\pages\\one.html"),
]


@pytest.mark.parametrize(("left", "right"), APART)
def test_what_tells_pages_apart_stays(left, right):
    assert normalise_url(left) != normalise_url(right)
    assert normalise_url(left) is not None and normalise_url(right) is not None


@pytest.mark.parametrize(("left", "right"), TOGETHER)
def test_ways_to_write_one_address_are_one(left, right):
    assert normalise_url(left) == normalise_url(right) is not None


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_a_placeholder_is_no_address(url):
    assert normalise_url(url) is None
