"""Read numbers out of strings as people write them, and only where nothing is lost.

``3``, ``3.0`` and `` 3.5 `` are fine. A plain ``try_cast`` will not do: it rounds ``7.04`` to ``7.0``.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

_LAST_READABLE_SECOND = 253_402_300_799  # 9999-12-31, beyond which Spark's timestamps cannot be written


def whole_number(name: str) -> Column:
    """The bigint written in a string column: ``7`` and ``7.0``, but not ``7.5``; null where there is none."""
    digits = F.regexp_extract(F.trim(name), r"^([+-]?[0-9]+)[.]0*$", 1)
    return F.coalesce(F.col(name).try_cast("bigint"), digits.try_cast("bigint"))


def tenths(name: str) -> Column:
    """The decimal(2,1) written in a string column: ``3``, ``3.5`` and ``3.50``, but not ``3.54`` or ``10``."""
    written = F.col(name).rlike(r"^ *[+]?([0-9]+[.]?|[0-9]*[.][0-9])0* *$")
    return F.when(written, F.trim(name).try_cast("decimal(2,1)"))


def seconds_since_1970(name: str) -> Column:
    """The UTC timestamp written in a string column as whole seconds; null where there is none."""
    seconds = whole_number(name)
    return F.when(seconds.between(0, _LAST_READABLE_SECOND), F.timestamp_seconds(seconds))
