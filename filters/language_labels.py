"""Names of languages: those of other models and standards as ISO 639-1 where there is one, so that a manifest says `en`.

lid.176 and CLD2 label mostly by ISO 639-1; OpenLID, GlotLID and FLORES by ISO 639-3 and script (`eng_Latn`, `zho_Hans`).
"""

from __future__ import annotations

import re

CHINESE = frozenset({"zh", "wuu", "yue", "nan", "lzh", "zh-classical", "zh-min-nan", "zh-yue", "cmn", "zho"})
WITH_SCRIPT = re.compile(r"([a-z]{3})_[A-Z][a-z]{3}")

# ISO 639-3 and 639-1. Where a macrolanguage has a code of two letters, that is also the standard's language of it.
_PAIRS = """
aar aa, abk ab, afr af, aka ak, twi ak, amh am, arg an, ara ar, arb ar, asm as, ava av, aym ay, ayr ay, aze az, azj az,
bak ba, bam bm, bel be, ben bn, bis bi, bod bo, bos bs, bre br, bul bg, cat ca, ces cs, cha ch, che ce, chv cv, cor kw,
cos co, cym cy, dan da, deu de, div dv, dzo dz, ell el, eng en, epo eo, est et, ekk et, eus eu, ewe ee, fao fo, fas fa,
pes fa, fij fj, fin fi, fra fr, fry fy, ful ff, fuv ff, gla gd, gle ga, glg gl, glv gv, grn gn, gug gn, guj gu, hat ht,
hau ha, heb he, her hz, hin hi, hmo ho, hrv hr, hun hu, hye hy, ibo ig, ido io, iii ii, iku iu, ike iu, ile ie, ina ia,
ind id, isl is, ita it, jav jv, jpn ja, kal kl, kan kn, kas ks, kat ka, kau kr, knc kr, kaz kk, khm km, kik ki, kin rw,
kir ky, kom kv, kpv kv, kon kg, kor ko, kua kj, kur ku, kmr ku, lao lo, lat la, lav lv, lvs lv, lim li, lin ln, lit lt,
ltz lb, lub lu, lug lg, mah mh, mal ml, mar mr, mkd mk, mlg mg, plt mg, mlt mt, mon mn, khk mn, mri mi, msa ms, zsm ms,
mya my, nau na, nav nv, nbl nr, nde nd, ndo ng, nep ne, npi ne, nld nl, nno nn, nob no, nor no, nya ny, oci oc, oji oj,
ori or, ory or, orm om, gaz om, oss os, pan pa, pol pl, por pt, pus ps, pbt ps, que qu, quy qu, roh rm, ron ro, run rn,
rus ru, sag sg, san sa, sin si, slk sk, slv sl, sme se, smo sm, sna sn, snd sd, som so, sot st, spa es, sqi sq, als sq,
srd sc, srp sr, ssw ss, sun su, swa sw, swh sw, swe sv, tah ty, tam ta, tat tt, tel te, tgk tg, tgl tl, fil tl, tha th,
tir ti, ton to, tsn tn, tso ts, tuk tk, tur tr, uig ug, ukr uk, urd ur, uzb uz, uzn uz, ven ve, vie vi, vol vo, wln wa,
wol wo, xho xh, yid yi, ydd yi, yor yo, zha za, zul zu
"""
TWO_LETTERS = dict(pair.split() for pair in _PAIRS.split(","))
"""Bokmål is `no` as lid.176 has it; `als` is Tosk Albanian here, Alemannic in lid.176, whose labels have no script."""
OLD = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "zh-Hant": "zh", "sr-ME": "sr"}


def language_of(label: str) -> str:
    """What a model's label is called here: `eng_Latn` is `en`, every Chinese `zh`, Bokmål `no`; others as they are."""
    label = OLD.get(label, label)
    if found := WITH_SCRIPT.fullmatch(label):
        label = found[1]
        return "zh" if label in CHINESE else TWO_LETTERS.get(label, label)
    return "zh" if label in CHINESE else label
