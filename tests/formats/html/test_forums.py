"""Threads: every post is kept and nothing that the engine writes around it, as each engine writes its pages."""

from __future__ import annotations

import pytest

from winnow.formats.html.blocks import cut
from winnow.formats.html.extraction import extract
from winnow.formats.html.forums import posts

TITLE = "Stones of a mill wear unevenly"
POSTS = (
    "The upper stone of my mill is worn on one side. It was dressed last spring, and the grain was dry.",
    "Have you looked at the spindle? Mine was bent by a finger's breadth, and the stone sat askew on it.",
    "It was bent. A smith made it straight for the price of two sacks of flour, and the mill runs evenly again.",
)
NAMES = ("gristmiller", "watermaiden", "gristmiller")
SIGNATURE = "The wheel turns while the brook runs, and so does the miller's tongue."
MENU = "<ul>{}</ul>".format(
    "".join(f'<li><a href="/{name}">{name}</a></li>' for name in ("Home", "Members", "Search", "Log in"))
)
HEAD = f"<html><head><title>{TITLE} - Mill talk</title></head><body><div id='nav'>{MENU}</div>"
FOOT = "<div class='footer'>Powered by an engine. Contact us. Terms of use.</div></body></html>"

ENGINES = {
    "phpBB": (
        "<h2 class='topic-title'>{title}</h2>",
        "<div class='post bg2'><dl class='postprofile'><dt>{name}</dt><dd>Posts: 212</dd></dl><div class='postbody'>"
        "<ul class='post-buttons'><li><a href='#q'>Quote</a></li></ul><p class='author'>by {name} » Mon May 6</p>"
        "<div class='content'>{post}</div><div class='signature'>{signature}</div></div></div>",
    ),
    "XenForo 2": (
        "<h1 class='p-title-value'>{title}</h1>",
        "<article class='message message--post'><div class='message-userDetails'><h4>{name}</h4>Well-known member</div>"
        "<div class='message-userContent'><div itemprop='text'><div class='bbWrapper'>{post}</div></div></div>"
        "<aside class='message-signature'><div class='bbWrapper'>{signature}</div></aside></article>",
    ),
    "vBulletin 3": (
        "<h1>{title}</h1>",
        "<table class='tborder'><tr><td class='alt2'><a class='bigusername'>{name}</a> Senior Member Posts: 212</td></tr>"
        "<tr><td class='alt1'><div id='post_message_17'>{post}</div></td></tr><tr><td>{signature}</td></tr></table>",
    ),
    "Discuz": (
        "<h1 class='ts'>{title}</h1>",
        "<table class='plhin'><tr><td class='pls'>{name} Posts 212</td><td class='plc'><div class='pcb'><table><tr>"
        "<td class='t_f' id='postmessage_17'>{post}</td></tr></table></div></td></tr><tr><td class='sign'>{signature}</td></tr></table>",
    ),
    "Simple Machines": (
        "<h1 class='forumtitle'>{title}</h1>",
        "<div class='windowbg'><div class='poster'><h4>{name}</h4>Hero Member</div><div class='postarea'>"
        "<div class='post'><div class='inner' id='msg_1701'>{post}</div></div></div><div class='signature'>{signature}</div></div>",
    ),
    "NodeBB": (
        "<h1 component='post/header'>{title}</h1>",
        "<li component='post'><a href='/user/{name}'>{name}</a><div class='content mt-2' component='post/content' "
        "itemprop='text'>{post}</div><div component='post/signature'>{signature}</div></li>",
    ),
    "MyBB": (
        "<h1>{title}</h1>",
        "<div class='post classic'><div class='post_author'><strong>{name}</strong> Posts: 212</div>"
        "<div class='post_content'><div class='post_body scaleimages'>{post}</div><div class='signature'>{signature}</div></div></div>",
    ),
    "Invision": (
        "<h1>{title}</h1>",
        "<article class='cPost'><aside>{name}<br>Members 212 posts</aside><div class='cPost_contentWrap'>"
        "<div data-role='commentContent' class='ipsType_normal ipsContained'>{post}</div></div>"
        "<div data-role='memberSignature'>{signature}</div></article>",
    ),
}


def rendered(engine: str, texts: tuple[str, ...] = POSTS) -> str:
    title, post = ENGINES[engine]
    bodies = (post.format(post=text, name=name, signature=SIGNATURE) for text, name in zip(texts, NAMES, strict=False))
    return HEAD + title.format(title=TITLE) + "\n".join(bodies) + FOOT


@pytest.mark.parametrize("engine", ENGINES)
def test_every_post_is_kept_and_nothing_of_the_engine(engine: str) -> None:
    text = extract(rendered(engine)).text
    assert [text.count(post) for post in POSTS] == [1, 1, 1]
    assert [text.index(post) for post in POSTS] == sorted(text.index(post) for post in POSTS)
    for furniture in (*NAMES, SIGNATURE, "Powered by", "Members", "Quote", "212"):
        assert furniture not in text, furniture
    assert (TITLE in text) == ("<h1" in ENGINES[engine][0])


def discourse(posts: tuple[str, ...]) -> str:
    """A page as a browser gets it: an application, and what crawlers are to read in a `<noscript>`."""
    bodies = "".join(
        f"<div id='post_1' class='topic-body crawler-post'><div class='crawler-post-meta'><a>{name}</a> May 6, 9:12am</div>"
        f"<div class='post' itemprop='text'><p>{text}</p></div></div>"
        for text, name in zip(posts, NAMES * 3, strict=False)
    )
    return (
        f"{HEAD}<noscript data-path='/t/17'><header><a href='/'>Mill talk</a></header><div id='main-outlet'><h1>{TITLE}</h1>"
        f"{bodies}</div></noscript><div id='main'>Loading</div><noscript><img src='/pixel.gif'></noscript>{FOOT}"
    )


def test_posts_that_lie_in_a_noscript_are_read() -> None:
    text = extract(discourse(POSTS * 3)).text
    assert [text.count(post) for post in POSTS] == [3, 3, 3]
    assert TITLE in text and "9:12am" not in text and "Loading" not in text


def test_a_request_to_switch_scripts_on_is_none() -> None:
    page = f"<html><body><article><h1>{TITLE}</h1>" + "".join(f"<p>{post}</p>" for post in POSTS * 2) + "</article>"
    asked = f"{page}<noscript><p>Please switch JavaScript on to write comments here.</p></noscript></body></html>"
    assert extract(asked).text == extract(page + "</body></html>").text


def test_a_noscript_that_says_the_article_again_is_not_read_twice() -> None:
    article = (
        f"<article><h1>{TITLE}</h1>"
        + "".join(f"<p>{post} {number}</p>" for number in range(4) for post in POSTS)
        + "</article>"
    )
    once = extract(f"<html><body>{article}</body></html>").text
    assert extract(f"<html><body>{article}<noscript>{article}</noscript></body></html>").text == once


@pytest.mark.parametrize("engine", ENGINES)
def test_a_widget_with_the_latest_posts_makes_no_thread_of_an_article(engine: str) -> None:
    article = "<article>" + "".join(
        f"<p>{post} This is paragraph {number}.</p>" for number in range(9) for post in POSTS
    )
    page = rendered(engine).replace("<div class='footer'>", f"{article}</article><div class='footer'>")
    assert posts(cut(page.encode())) is None


def test_one_post_is_judged_as_any_page() -> None:
    assert posts(cut(rendered("XenForo 2", POSTS[:1]).encode())) is None
