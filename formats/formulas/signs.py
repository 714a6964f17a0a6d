r"""Signs of formulas as LaTeX: operators, relations, arrows, delimiters and Greek letters, each with its command.

Of LaTeX itself, amsmath, amssymb and stmaryrd; which sign a command sets was compared with what LaTeXML makes of it.
"""

from __future__ import annotations

import re

SYMBOLS = {
    "\\": r"\backslash", "∷": "::", "∹": "-:", "∕": "/",
    "−": "-", "⋅": r"\cdot", "·": r"\cdot", "×": r"\times", "÷": r"\div", "±": r"\pm", "∓": r"\mp", "≤": r"\le",
    "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim", "∝": r"\propto", "→": r"\to",
    "←": r"\leftarrow", "⇒": r"\Rightarrow", "⇔": r"\Leftrightarrow", "↦": r"\mapsto", "∈": r"\in", "∉": r"\notin",
    "⊂": r"\subset", "⊆": r"\subseteq", "∪": r"\cup", "∩": r"\cap", "∖": r"\setminus", "∅": r"\emptyset",
    "∀": r"\forall", "∃": r"\exists", "¬": r"\neg", "∧": r"\land", "∨": r"\lor", "∞": r"\infty", "∂": r"\partial",
    "∇": r"\nabla", "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∮": r"\oint", "√": r"\surd", "…": r"\dots",
    "⋯": r"\cdots", "⋮": r"\vdots", "⋱": r"\ddots", "′": "'", "″": "''", "⟨": r"\langle", "⟩": r"\rangle",
    "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil", "‖": r"\|", "∥": r"\parallel", "⊥": r"\perp",
    "⊕": r"\oplus", "⊗": r"\otimes", "∘": r"\circ", "∗": "*", "ℝ": r"\mathbb{R}", "ℕ": r"\mathbb{N}",
    "ℤ": r"\mathbb{Z}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}", "ℓ": r"\ell", "ℏ": r"\hbar", "°": r"^\circ",
    "\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "", "\u00a0": " ", "{": r"\{", "}": r"\}", "%": r"\%",
    "#": r"\#", "&": r"\&", "∣": r"\mid", "ℵ": r"\aleph", "ℶ": r"\beth", "ℷ": r"\gimel", "ℸ": r"\daleth", "℘": r"\wp",
    "⟹": r"\Longrightarrow", "⟸": r"\Longleftarrow", "⟺": r"\Longleftrightarrow", "⟶": r"\longrightarrow",
    "⟵": r"\longleftarrow", "⟷": r"\longleftrightarrow", "⟼": r"\longmapsto", "↔": r"\leftrightarrow",
    "⇐": r"\Leftarrow",
    "↑": r"\uparrow", "↓": r"\downarrow", "⇑": r"\Uparrow", "⇓": r"\Downarrow", "↕": r"\updownarrow", "↗": r"\nearrow",
    "↘": r"\searrow", "↙": r"\swarrow", "↖": r"\nwarrow", "↪": r"\hookrightarrow", "↩": r"\hookleftarrow",
    "↠": r"\twoheadrightarrow", "↣": r"\rightarrowtail", "⇀": r"\rightharpoonup", "⇁": r"\rightharpoondown",
    "⇌": r"\rightleftharpoons", "⇋": r"\leftrightharpoons", "⇄": r"\rightleftarrows", "↾": r"\upharpoonright",
    "⇝": r"\rightsquigarrow",
    "⊃": r"\supset", "⊇": r"\supseteq", "⊊": r"\subsetneq", "⊋": r"\supsetneq", "⊄": r"\not\subset", "⊈": r"\nsubseteq",
    "∋": r"\ni", "∌": r"\not\ni", "≪": r"\ll", "≫": r"\gg", "≲": r"\lesssim", "≳": r"\gtrsim", "≺": r"\prec",
    "≻": r"\succ",
    "≼": r"\preceq", "≽": r"\succeq", "⪯": r"\preceq", "⪰": r"\succeq", "⩽": r"\leqslant", "⩾": r"\geqslant",
    "≦": r"\leqq",
    "≧": r"\geqq", "≮": r"\nless", "≯": r"\ngtr", "≰": r"\nleq", "≱": r"\ngeq", "≃": r"\simeq", "≅": r"\cong",
    "≄": r"\not\simeq",
    "≇": r"\ncong", "≉": r"\not\approx", "≢": r"\not\equiv", "≍": r"\asymp", "≐": r"\doteq", "≜": r"\triangleq",
    "≔": r"\coloneqq",
    "∤": r"\nmid", "∦": r"\nparallel", "⊤": r"\top", "⊢": r"\vdash", "⊣": r"\dashv", "⊨": r"\models",
    "⊩": r"\Vdash", "⊬": r"\nvdash",
    "⊭": r"\nvDash", "⋀": r"\bigwedge", "⋁": r"\bigvee", "⋂": r"\bigcap", "⋃": r"\bigcup", "⨁": r"\bigoplus",
    "⨂": r"\bigotimes",
    "⨀": r"\bigodot", "⨆": r"\bigsqcup", "∐": r"\coprod", "⊔": r"\sqcup", "⊓": r"\sqcap", "⊎": r"\uplus",
    "⊖": r"\ominus",
    "⊘": r"\oslash", "⊙": r"\odot", "∙": r"\bullet", "•": r"\bullet", "⋆": r"\star", "★": r"\bigstar",
    "⋄": r"\diamond", "◇": r"\diamond",
    "†": r"\dagger", "‡": r"\ddagger", "≀": r"\wr", "⨿": r"\amalg", "△": r"\triangle", "▵": r"\triangle",
    "□": r"\square",
    "■": r"\blacksquare", "◻": r"\square", "∎": r"\blacksquare", "∠": r"\angle", "∡": r"\measuredangle",
    "∢": r"\sphericalangle",
    "∴": r"\therefore", "∵": r"\because", "∄": r"\nexists", "∁": r"\complement", "∬": r"\iint", "∭": r"\iiint",
    "⊲": r"\vartriangleleft",
    "⊳": r"\vartriangleright", "⊴": r"\trianglelefteq", "⊵": r"\trianglerighteq", "⋉": r"\ltimes", "⋊": r"\rtimes",
    "⋈": r"\bowtie",
    "♯": r"\sharp", "♭": r"\flat", "♮": r"\natural", "♠": r"\spadesuit", "♡": r"\heartsuit", "♢": r"\diamondsuit",
    "♣": r"\clubsuit",
    "ı": r"\imath", "ȷ": r"\jmath", "ð": r"\eth", "℧": r"\mho", "⟦": r"\llbracket", "⟧": r"\rrbracket",
    "⌜": r"\ulcorner",
    "⌝": r"\urcorner", "⌞": r"\llcorner", "⌟": r"\lrcorner", "‴": "'''", "∶": ":", "∔": r"\dotplus",
    "⊞": r"\boxplus", "⊠": r"\boxtimes",
}  # fmt: skip
NAMED = r"""
¥ yen  Ω Omega  ϖ varpi  ϝ digamma  ϰ varkappa  ϱ varrho  ϶ backepsilon
‵ backprime  ℑ Im  ℜ Re  Ⅎ Finv  ⅁ Game  ↚ nleftarrow  ↛ nrightarrow  ↝ rightsquigarrow  ↞ twoheadleftarrow
↢ leftarrowtail  ↤ mapsfrom  ↫ looparrowleft  ↬ looparrowright  ↭ leftrightsquigarrow  ↮ nleftrightarrow
↯ lightning  ↰ Lsh  ↱ Rsh  ↶ curvearrowleft  ↷ curvearrowright  ↺ circlearrowleft  ↻ circlearrowright
↼ leftharpoonup  ↽ leftharpoondown  ↿ upharpoonleft  ⇂ downharpoonright  ⇃ downharpoonleft
⇆ leftrightarrows  ⇇ leftleftarrows  ⇈ upuparrows  ⇉ rightrightarrows  ⇊ downdownarrows  ⇍ nLeftarrow
⇎ nLeftrightarrow  ⇏ nRightarrow  ⇕ Updownarrow  ⇚ Lleftarrow  ⇛ Rrightarrow  ⇠ dashleftarrow
⇢ dashrightarrow  ⇽ leftarrowtriangle  ⇾ rightarrowtriangle  ⇿ leftrightarrowtriangle  ∆ Delta  ∊ in  ∍ ni
∽ backsim  ≁ nsim  ≂ eqsim  ≊ approxeq  ≌ backsimeq  ≎ Bumpeq  ≏ bumpeq  ≑ doteqdot  ≒ fallingdotseq
≓ risingdotseq  ≕ eqqcolon  ≖ eqcirc  ≗ circeq  ≨ lneqq  ≩ gneqq  ≬ between  ≶ lessgtr  ≷ gtrless  ≾ precsim
≿ succsim  ⊀ nprec  ⊁ nsucc  ⊉ nsupseteq  ⊏ sqsubset  ⊐ sqsupset  ⊑ sqsubseteq  ⊒ sqsupseteq  ⊚ circledcirc
⊛ circledast  ⊝ circleddash  ⊟ boxminus  ⊡ boxdot  ⊦ vdash  ⊧ models  ⊪ Vvdash  ⊮ nVdash  ⊯ nVDash
⊸ multimap  ⊺ intercal  ⊻ veebar  ⊼ barwedge  ⋇ divideontimes  ⋋ leftthreetimes  ⋌ rightthreetimes
⋎ curlyvee  ⋏ curlywedge  ⋐ Subset  ⋑ Supset  ⋒ Cap  ⋓ Cup  ⋔ pitchfork  ⋖ lessdot  ⋗ gtrdot  ⋘ lll  ⋙ ggg
⋚ lesseqgtr  ⋛ gtreqless  ⋞ curlyeqprec  ⋟ curlyeqsucc  ⋠ npreceq  ⋡ nsucceq  ⋦ lnsim  ⋧ gnsim  ⋨ precnsim
⋩ succnsim  ⋪ ntriangleleft  ⋫ ntriangleright  ⋬ ntrianglelefteq  ⋭ ntrianglerighteq  ⌢ frown  ⌣ smile
Ⓢ circledS  ▲ blacktriangle  ▶ blacktriangleright  ▷ triangleright  ▹ triangleright  ▼ blacktriangledown
▽ bigtriangledown  ▿ triangledown  ◀ blacktriangleleft  ◁ triangleleft  ◃ triangleleft  ◆ blacklozenge
◊ lozenge  ○ bigcirc  ◎ circledcirc  ◼ blacksquare  ✓ checkmark  ✠ maltese  ⟂ perp  ⟮ lgroup  ⟯ rgroup
⟻ longmapsfrom  ⟽ Longmapsfrom  ⟾ Longmapsto  ⤆ Mapsfrom  ⤇ Mapsto  ⦇ llparenthesis  ⦈ rrparenthesis  ⦶ obar
⦸ obslash  ⧀ olessthan  ⧁ ogreaterthan  ⧄ boxslash  ⧅ boxbslash  ⧆ boxast  ⧇ boxcircle  ⧈ boxbox
⧫ blacklozenge  ⧵ setminus  ⨄ biguplus  ⨌ iiiint  ⨝ Join  ⨟ fatsemi  ⨯ times  ⩞ doublebarwedge  ⩴ Coloneqq
⪅ lessapprox  ⪆ gtrapprox  ⪇ lneq  ⪈ gneq  ⪉ lnapprox  ⪊ gnapprox  ⪋ lesseqqgtr  ⪌ gtreqqless  ⪕ eqslantless
⪖ eqslantgtr  ⪵ precneqq  ⪶ succneqq  ⪷ precapprox  ⪸ succapprox  ⪹ precnapprox  ⪺ succnapprox  ⫅ subseteqq
⫆ supseteqq  ⫋ subsetneqq  ⫌ supsetneqq  ⫴ interleave
"""
"""A sign and the name of its command, two blanks between one pair and the next."""
SYMBOLS |= {sign: rf"\{name}" for pair in re.split(r"\s{2,}|\n", NAMED.strip()) for sign, name in [pair.split(" ")]}
GREEK_NAMES = """
alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho varsigma sigma tau
upsilon varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega phi epsilon
vartheta
"""
GREEK = dict(zip("αβγδεζηθικλμνξπρςστυφχψωΓΔΘΛΞΠΣΥΦΨΩϕϵϑ", GREEK_NAMES.split(), strict=True))
