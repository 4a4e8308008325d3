"""What real instruments sent, byte for byte, with the reading of each beside it.

No capture names a person. Where a source prints the text without its control bytes they are put
back as the grammar demands; both ARK-1a captures prove it by their checksums, which come out right.
A bar shows where a line padded with spaces ends; it was not sent.
"""

SOH, STX, ETB, EOT, CR = b"\x01", b"\x02", b"\x17", b"\x04", b"\r"


def phoropter_frame(lines: str) -> bytes:
    """The frame of a phoropter's print: the first line is the header."""
    header, *rest = lines.strip("\n").split("\n")
    body = b"".join(STX + line.removesuffix("|").encode() + CR for line in rest)
    return SOH + header.encode() + CR + body + EOT + CR


def measurement_frame(*groups: tuple[str, str], end: bytes = ETB + CR, tail: bytes = b"") -> bytes:
    """The transmission of a lensmeter or autorefractor: (code, one segment a line)."""
    body = b""
    for code, segments in groups:
        lines = segments.strip("\n").split("\n")
        body += (
            SOH
            + code.encode()
            + STX
            + b"".join(line.removesuffix("|").encode() + end for line in lines)
        )
    return body + EOT + tail


# LM-1000P, example 8 of its interface manual, carriage returns on, checksum 16C1.
LM_1000P = bytes.fromhex(
    "01 44 4C 4D 02"  # SOH DLM STX
    "49 44 4E 49 44 45 4B 2F 4C 4D 2D 31 30 30 30 50 17 0D"  # IDNIDEK/LM-1000P
    "20 52 2D 30 31 2E 32 35 2D 30 30 2E 37 35 31 32 30 17 0D"  # right -1.25 / -0.75 x 120
    "41 52 30 32 2E 30 30 17 0D"  # right addition 2.00
    "50 52 30 32 2E 35 30 49 17 0D"  # right prism 2.50 base in
    "50 52 30 32 2E 30 30 44 17 0D"  # right prism 2.00 base down
    "20 4C 2D 30 32 2E 30 30 2D 30 30 2E 35 30 31 38 30 17 0D"  # left -2.00 / -0.50 x 180
    "41 4C 30 32 2E 32 35 17 0D"  # left addition 2.25
    "50 4C 30 31 2E 32 35 4F 17 0D"  # left prism 1.25 base out
    "50 4C 30 32 2E 30 30 55 17 0D"  # left prism 2.00 base up
    "04 31 36 43 31 0D"  # EOT, checksum 16C1, CR
)

# ARK-1a: night group, day group, corneal group; checksum A40F.
ARK_1A = measurement_frame(
    (
        "Drm",
        """
IDNIDEK/ARK-1a
NO0225
DA27/MAR/2017.07:40
VD12.00
WD35
OL-05.25-00.75080
OR-04.75-00.75105
DL-00.25+00.00+05
DR-00.25+00.00-05
""",
    ),
    (
        "DRM",
        """
IDNIDEK/ARK-1a
NO0225
DA27/MAR/2017.07:40
VD12.00
WD35
OL-05.00-00.75075
OL-05.00-00.750808 |
OL-05.00-00.750758 |
OL-05.00-00.750758 |
OR-04.50-00.75110
OR-04.50-00.751109 |
OR-04.50-00.751109 |
OR-04.50-00.751109 |
CL-04.75-00.50080
CR-04.25-00.75110
PD68????63
""",
    ),
    (
        "DKM",
        """ L07.7607.7014007.73
DL43.5043.7514043.75-00.25
 L07.7607.7014007.73
DL43.5043.7514043.75-00.25
 L07.7607.7013507.73
DL43.5043.7513543.75-00.25
 L07.7407.6914507.72
DL43.5044.0014543.75-00.50
 R07.8407.7612007.80
DR43.0043.5012043.25-00.50
 R07.8407.7612507.80
DR43.0043.5012543.25-00.50
 R07.8407.7612007.80
DR43.0043.5012043.25-00.50
 R07.8307.7612007.80
DR43.0043.5012043.25-00.50
SL11.8
PL05.7N
SR11.8
PR05.9N""",
    ),
    tail=b"A40F\r",
)

# ARK-1a, only the left eye measured: the right one still gets a contact lens value of zero, but
# no group of its own. Checksum 61E4.
ARK_1A_LEFT_EYE_ONLY = measurement_frame(
    (
        "Drm",
        """
IDNIDEK/ARK-1a
NO0272
DA10/APR/2017.08:58
VD12.00
WD35
OL+00.00-01.25095
DL+00.25-00.50-05
""",
    ),
    (
        "DRM",
        """
IDNIDEK/ARK-1a
NO0272
DA10/APR/2017.08:58
VD12.00
WD35
OL-00.25-00.75100
OL-00.25-00.751008 |
OL-00.25-00.751008 |
OL-00.25-00.751008 |
CL-00.25-00.75100
CR+00.00+00.00000
""",
    ),
    (
        "DKM",
        """ L07.8907.8214507.86
DL42.7543.2514543.00-00.50
 L07.8807.8314507.86
DL42.7543.0014543.00-00.25
 L07.8907.8214007.86
DL42.7543.2514043.00-00.50
 L07.8907.8214507.86
DL42.7543.2514543.00-00.50
SL11.7
PL04.7N""",
    ),
    tail=b"61E4\r",
)

# TONOREF III: pressure (DNT) and corneal thickness (DPM) come with the refraction.
TONOREF_III = measurement_frame(
    (
        "DRM",
        """
IDNIDEK/TONOREF3
NO0002
DA31/MAR/2017.01:02
VD12.00
WD40
OL+00.00-00.250559
OL+00.00-00.250559
OR-00.50-00.25090
OR-00.25-00.500909
OR-00.50-00.250909
CL+00.00-00.25055
CR-00.50-00.25090
TL+00.00-00.25055
TR-00.50-00.25090
PD67????63
""",
    ),
    ("Dkm", " L07.7507.6401007.70\nDL43.5044.2501043.75-00.75"),
    ("DNT", " L01    17/2.3  AV17.0/2.30"),
    ("DPM", " L01 0583  AV0583\n R01 0586  AV0586"),
)

# RT-3100, a final prescription: R -2.25/-1.25x180 add 0.50 acuity 0.05,
# L -2.25/-1.00x180 add 0.75 acuity 1.6, PD 64.0, tested at 40 cm, clock of 2002-06-16.
RT_3100 = bytes.fromhex(
    "01 4E 49 44 45 4B 20 52 54 2D 33 31 30 30 20 49 44"  # SOH NIDEK RT-3100 ID
    "20 20 20 20 20 20 20 20 20 20 20 20 20"  # no work id
    "44 41 32 30 30 32 2F 30 36 2F 31 36 0D"  # DA2002/06/16
    "02 40 52 54 0D"  # @RT
    "02 46 52 2D 20 32 2E 32 35 2D 20 31 2E 32 35 31 38 30 0D"  # FR- 2.25- 1.25180
    "02 46 4C 2D 20 32 2E 32 35 2D 20 31 2E 30 30 31 38 30 0D"  # FL- 2.25- 1.00180
    "02 41 52 2B 20 30 2E 35 30 0D 02 41 4C 2B 20 30 2E 37 35 0D"  # AR+ 0.50, AL+ 0.75
    "02 56 52 20 30 2E 30 35 0D 02 56 4C 20 31 2E 36 20 0D"  # VR 0.05, VL 1.6
    "02 50 44 36 34 2E 30 20 20 20 20 20 20 20 20 0D"  # PD64.0
    "02 57 44 34 30 0D 04 0D"  # WD40, EOT
)

# RT-3100, both eyes -1.25 and no cylinder: 0.00 is sent where nothing was dialled.
RT_3100_NO_CYLINDER = bytes.fromhex(
    "01 4E 49 44 45 4B 20 52 54 2D 33 31 30 30 20 49 44"
    "20 20 20 20 20 20 20 20 20 20 20 20 20"
    "44 41 32 30 30 32 2F 30 36 2F 31 36 0D 02 40 52 54 0D"
    "02 46 52 2D 20 31 2E 32 35 20 20 30 2E 30 30 20 20 30 0D"  # FR- 1.25  0.00  0
    "02 46 4C 2D 20 31 2E 32 35 20 20 30 2E 30 30 20 20 30 0D"  # FL- 1.25  0.00  0
    "02 50 44 36 34 2E 30 20 20 20 20 20 20 20 20 0D 02 57 44 34 30 0D 04 0D"
)

# RT-3100, a third print: R -1.50/-0.75x180 add 0.75 acuity 0.1, L -1.50/-1.50x175 add 1.25 1.25.
RT_3100_THIRD = bytes.fromhex(
    "01 4E 49 44 45 4B 20 52 54 2D 33 31 30 30 20 49 44"
    "20 20 20 20 20 20 20 20 20 20 20 20 20"
    "44 41 32 30 30 32 2F 30 36 2F 31 36 0D 02 40 52 54 0D"
    "02 46 52 2D 20 31 2E 35 30 2D 20 30 2E 37 35 31 38 30 0D"  # FR- 1.50- 0.75180
    "02 46 4C 2D 20 31 2E 35 30 2D 20 31 2E 35 30 31 37 35 0D"  # FL- 1.50- 1.50175
    "02 41 52 2B 20 30 2E 37 35 0D 02 41 4C 2B 20 31 2E 32 35 0D"  # AR+ 0.75, AL+ 1.25
    "02 56 52 20 30 2E 31 20 0D 02 56 4C 20 31 2E 32 35 0D"  # VR 0.1, VL 1.25
    "02 50 44 36 34 2E 30 20 20 20 20 20 20 20 20 0D 02 57 44 34 30 0D 04 0D"
)

# RT-5100 with a lensmeter and an autorefractor plugged into it; two @RT sections, test and final.
RT_5100 = phoropter_frame("""
NIDEK RT-5100 ID             DA2016/ 8/ 2
@LM
 R  0.00  0.00  0
 L  0.00  0.00  0
VR 0.1 |
UR 0.1   |
VL 0.25
UL 0.25  |
VB 0.06
UB 0.06  |
@RM
OR- 2.75- 1.75105
OL- 1.25- 1.50140
VR 0.4 |
UR 0.4   |
VL 0.63
UL 0.63  |
VB 1.0 |
UB 1.0   |
PD64.0        |
@RT
fR- 6.75- 1.75 50
fL- 5.25- 1.50140
aR+ 0.25
aL+ 0.25
vR 0.8 |
uR 0.8   |
vL 0.63
uL 0.63  |
vB 1.25
uB 1.25  |
pD64.0        |
pd59.5        |
@RT
FR-12.00- 1.75 50
FL-10.50- 1.50140
AR+ 5.50
AL+ 5.50
VR 1.25
UR 1.25  |
VL 0.8 |
UL 0.8   |
VB 0.8 |
UB 0.8   |
PD64.0        |
Pd59.5        |
WD35
wd 35
TT 047
""")

# RT-5100: unaided acuity first, acuity below the chart, separate near powers. The acuities of
# test and final prescription are left out here.
RT_5100_NEAR = phoropter_frame("""
NIDEK RT-5100 ID             DA2016/ 8/ 3
@RT
WR 0.1 |
MR 0.1   |
WL 0.63
ML 0.63  |
WB 1.25
MB 1.25  |
@LM
 R+ 2.25- 2.75120
 L+ 2.00- 4.00 25
AR+ 1.50
AL+ 1.50
VR 0.8 |
UR 0.8   |
VL 0.4 |
UL 0.4   |
VB<0.04
UB<0.04  |
@RM
OR+ 6.00- 6.25175
OL- 0.50- 6.75 25
VR 0.4 |
UR 0.4   |
VL 0.8 |
UL 0.8   |
VB<0.04
UB<0.04  |
PD64.0        |
@RT
fR+ 5.25- 8.75175
fL- 1.25- 5.25130
aR+ 2.50
aL+ 2.50
pD64.0        |
pd59.5        |
@RT
FR+11.75- 3.50175
NR+13.50- 3.50175
FL+16.00- 4.75130
NL+16.50- 4.75130
AR+ 1.75
AL+ 0.50
PD64.0        |
Pd59.5        |
WD35
wd 35
Wd 35
TT 057
""")

# RT-5100, five short examinations of one day.
RT_5100_OTHERS = tuple(
    phoropter_frame("NIDEK RT-5100 ID             DA2016/ 5/ 2\n" + lines)
    for lines in (
        "@RM\nOR- 2.75  0.00  0\nOL- 2.75  0.00  0\nPD64.0        \n"
        "@RT\nfR- 0.25  0.00  0\nfL- 0.25  0.00  0\npD64.0        \n"
        "@RT\nFR+ 2.00  0.00  0\nFL+ 2.00  0.00  0\nPD64.0        \nWD35\nTT 013",
        "@RM\nOR+ 2.25  0.00  0\nOL+ 2.25  0.00  0\nPD64.0        \n"
        "@RT\nfR- 0.25  0.00  0\nfL- 0.25  0.00  0\npD64.0        \n"
        "@RT\nFR+ 3.75  0.00  0\nFL+ 3.75  0.00  0\nPD64.0        \nWD35\nTT 001",
        "@RT\nFR+10.00- 5.00 90\nFL+10.00- 5.00 90\nPD64.0        \nWD35",
        "@RM\nOR- 1.00  0.00  0\nOL- 1.00  0.00  0\nPD64.0        \n"
        "@RT\nfR- 3.00  0.00  0\nfL- 3.00  0.00  0\npD64.0        \n"
        "@RT\nFR- 2.00  0.00  0\nFL- 2.00  0.00  0\nPD64.0        \nWD35\nTT 004",
        "@RM\nOR+ 5.50- 1.25125\nOL+ 5.50- 1.25125\nPD64.0        \n"
        "@RT\nFR+ 2.50- 3.25 90\nFL+ 2.50- 3.25 90\nAR+ 1.50\nAL+ 1.50\n"
        "PD64.0        \nPd59.5        \nWD35\nwd 35",
    )
)

CAPTURES = {
    "LM-1000P": [LM_1000P],
    "ARK-1a": [ARK_1A, ARK_1A_LEFT_EYE_ONLY],
    "RT-3100": [RT_3100, RT_3100_NO_CYLINDER, RT_3100_THIRD],
    "RT-5100": [RT_5100, RT_5100_NEAR, *RT_5100_OTHERS],
}
EVERY_CAPTURE = [(model, sent) for model, sents in CAPTURES.items() for sent in sents]
