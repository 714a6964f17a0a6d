"""Words by which the furniture of a page gives itself away, in the languages that most of the web is written in."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from winnow.formats.html.tags import hash_table

GROUPS = ("legal", "share", "navigate", "account", "comment", "related", "byline", "commerce")
_WORDS = {
    "legal": "copyright rights reserved terms privacy policy cookie cookies disclaimer impressum datenschutz agb imprint "
    "legal gdpr mentions legales datenschutzerklärung nutzungsbedingungen powered wordpress theme",
    "share": "share tweet facebook twitter whatsapp pinterest linkedin email print reddit telegram instagram youtube pin "
    "teilen drucken mail partager compartir weibo xing tumblr flipboard",
    "navigate": "home menu next previous prev page back top skip navigation search sitemap weiter zurück startseite suche "
    "nach oben kontakt contact about über uns inicio accueil categories category kategorie kategorien tags tag schlagwörter "
    "archive archives archiv filed under abgelegt",
    "account": "login log sign signup register subscribe newsletter abonnieren anmelden registrieren account follow folgen "
    "rss feed free trial join subscription passwort password username",
    "comment": "comment comments reply replies kommentar kommentare antworten leave responses commented likes votes upvote "
    "kommentieren permalink pingback trackback says",
    "related": "related read more also see popular trending recommended latest recent similar mehr lesen ähnliche auch "
    "neueste beliebt artikel articles posts stories continue reading lire siehe",
    "byline": "by posted published updated author written von am um uhr monday tuesday wednesday thursday friday saturday "
    "sunday january february march april may june july august september october november december ago edited january jan feb "
    "mar apr jun jul aug sep oct nov dec januar februar märz mai juni juli oktober dezember",
    "commerce": "buy shop cart price sale advertisement ads sponsored ad anzeige warenkorb amazon shipping order discount "
    "deal deals bestellen kaufen",
}
_PAIRS = {
    "legal": "版权 备案 声明 隐私 条款 免责 法律 许可",
    "share": "分享 转发 微信 微博 扫码 朋友 空间",
    "navigate": "首页 导航 上一 下一 返回 目录 搜索 关于 联系 网站 栏目 顶部 标签",
    "account": "登录 注册 订阅 关注 密码 用户 会员 账号",
    "comment": "评论 回复 发表 点赞 留言 跟帖 网友",
    "related": "相关 推荐 热门 更多 最新 阅读 排行 精彩",
    "byline": "作者 来源 编辑 发布 时间 责任 记者 浏览",
    "commerce": "广告 购买 价格 优惠 商品 下载",
}


class Lexicon(NamedTuple):
    """Hash tables: of words (FNV-1a in lower case) and of pairs of Chinese characters (FNV-1a of their six bytes)."""

    word_keys: npt.NDArray[np.uint64]
    word_groups: npt.NDArray[np.int64]
    pair_keys: npt.NDArray[np.uint64]
    pair_groups: npt.NDArray[np.int64]


@cache
def lexicon() -> Lexicon:
    """The tables for a kernel; the values are indexes into `GROUPS`."""
    words = {word: (GROUPS.index(group),) for group, listed in _WORDS.items() for word in listed.split()}
    pairs = {pair: (GROUPS.index(group),) for group, listed in _PAIRS.items() for pair in listed.split()}
    word_keys, word_groups = hash_table(words)
    pair_keys, pair_groups = hash_table(pairs)
    return Lexicon(word_keys, word_groups[:, 0].copy(), pair_keys, pair_groups[:, 0].copy())
