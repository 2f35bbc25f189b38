"""Dates in words: "on 7 May 2023", "last May", "two weeks ago" -> the days that are meant. English. Pure.

An interval is (first day, last day). What is relative is counted from a given day: the day on which a page
was written, or that of the question.
"""

import re
from collections.abc import Callable
from datetime import date, timedelta

Days = tuple[date, date]

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_UNITS = {"day": 1, "week": 7, "month": 30, "year": 365}

_MONTH = "(" + "|".join(f"{name}|{name[:3]}" if len(name) > 4 else name for name in _MONTHS) + r")\b\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?\b"
_YEAR = r"((?:19|20)\d\d)\b"
_COUNT = rf"(\d{{1,2}}|an?|couple of|few|{'|'.join(_NUMBERS)})"
_PAST = r"(last|past|previous)"


def intervals(text: str, today: date) -> tuple[Days, ...]:
    """Every time that a text speaks of, by the rules below; what one rule has read, no other does."""
    found: list[Days] = []
    rest = text.lower()
    if not _LIKELY.search(rest):
        return ()
    for pattern, read in _RULES:
        matches = list(pattern.finditer(rest))
        for match in matches:
            try:
                found.append(read(match, today))
            except (ValueError, OverflowError):
                continue  # 31 February
        if matches:
            rest = pattern.sub(" ", rest)
    return tuple(found)


def gap(text: str) -> timedelta | None:
    """How far "two weeks before" (negative) or "a month after" leads; None where that is not said."""
    match = re.search(
        rf"\b{_COUNT} (day|week|month|year)s? (before|after|later|earlier|prior)\b", text.lower()
    )
    if not match:
        return None
    days = timedelta(days=_count(match[1]) * _UNITS[match[2]])
    return days if match[3] in ("after", "later") else -days


def _count(word: str) -> int:
    if word.isdigit():
        return int(word)
    if word in _NUMBERS:
        return _NUMBERS.index(word) + 1
    return {"couple of": 2, "few": 3}.get(word, 1)


def _month(name: str) -> int:
    return next(n for n, month in enumerate(_MONTHS, 1) if month.startswith(name.rstrip(".")))


def _whole_month(year: int, month: int) -> Days:
    first = date(year, month, 1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _past(today: date, month: int, day: int = 1) -> int:
    """The year of the last such day that is not after today."""
    return today.year if (month, day) <= (today.month, today.day) else today.year - 1


def _one(day: date) -> Days:
    return day, day


def _ago(match: re.Match[str], today: date) -> Days:
    days = _count(match[1]) * _UNITS[match[2]]
    slack = timedelta(days={"day": 0, "week": 3, "month": 15, "year": 180}[match[2]])
    at = today - timedelta(days=days)
    return at - slack, at + slack


def _last(match: re.Match[str], today: date) -> Days:
    unit = match[2]
    if unit.startswith("week"):
        monday = today - timedelta(days=today.weekday() + 7)
        return (
            (monday + timedelta(days=5), monday + timedelta(days=6))
            if unit == "weekend"
            else (
                monday,
                monday + timedelta(days=6),
            )
        )
    if unit == "month":
        return _whole_month(*divmod_month(today, -1))
    return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)


def divmod_month(today: date, step: int) -> tuple[int, int]:
    """(year, month) some months away."""
    months = today.year * 12 + today.month - 1 + step
    return months // 12, months % 12 + 1


def _this(match: re.Match[str], today: date) -> Days:
    if match[1] == "week":
        monday = today - timedelta(days=today.weekday())
        return monday, monday + timedelta(days=6)
    if match[1] == "month":
        return _whole_month(today.year, today.month)
    return date(today.year, 1, 1), date(today.year, 12, 31)


def _weekday(match: re.Match[str], today: date) -> Days:
    back = (today.weekday() - _WEEKDAYS.index(match[1])) % 7 or 7
    return _one(today - timedelta(days=back))


def _season(match: re.Match[str], today: date) -> Days:
    month = _SEASONS[match[1]]
    year = int(match[2]) if match[2] else _past(today, month)
    first = date(year, month, 1)
    return first, first + timedelta(days=91)


_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], date], Days]], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (rf"\b{_YEAR}-(\d\d)-(\d\d)\b", lambda m, _: _one(date(int(m[1]), int(m[2]), int(m[3])))),
        (
            rf"\b{_DAY} (?:of )?{_MONTH},? {_YEAR}",
            lambda m, _: _one(date(int(m[3]), _month(m[2]), int(m[1]))),
        ),
        (rf"\b{_MONTH} {_DAY},? {_YEAR}", lambda m, _: _one(date(int(m[3]), _month(m[1]), int(m[2])))),
        (rf"\b{_MONTH},? (?:of )?{_YEAR}", lambda m, _: _whole_month(int(m[2]), _month(m[1]))),
        (
            rf"\b{_DAY} (?:of )?{_MONTH}",
            lambda m, t: _one(date(_past(t, _month(m[2]), int(m[1])), _month(m[2]), int(m[1]))),
        ),
        (
            rf"\b{_MONTH} {_DAY}",
            lambda m, t: _one(date(_past(t, _month(m[1]), int(m[2])), _month(m[1]), int(m[2]))),
        ),
        (
            rf"\b(?:in|during|since|{_PAST}|this|early|late|mid|of) {_MONTH}",
            lambda m, t: _whole_month(_past(t, _month(m[2])), _month(m[2])),
        ),
        (rf"\b(spring|summer|autumn|fall|winter)(?: (?:of )?{_YEAR})?", _season),
        (rf"\b(?:in|during|since|of) {_YEAR}", lambda m, _: (date(int(m[1]), 1, 1), date(int(m[1]), 12, 31))),
        (rf"\b{_COUNT} (day|week|month|year)s? ago\b", _ago),
        (rf"\b{_PAST} (weekend|week|month|year)\b", _last),
        (r"\bthis (week|month|year)\b", _this),
        (r"\b(?:last|on|this past) (" + "|".join(_WEEKDAYS) + r")\b", _weekday),
        (r"\b(?:yesterday|last night)\b", lambda _, t: _one(t - timedelta(days=1))),
        (r"\b(?:today|this morning|tonight|this afternoon|this evening)\b", lambda _, t: _one(t)),
    )
)
_LIKELY = re.compile(
    rf"\d|\bago\b|{_PAST} |\bthis |yesterday|today|tonight|\bon \w+day\b"
    rf"|{'|'.join(_MONTHS)}|{'|'.join(_SEASONS)}"
)
