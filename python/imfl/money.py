"""Money is integers: micro-credits (1e-6 credits). Here it is ``Decimal``, which is as exact."""

from ._values import credits, micros

__all__ = ["credits", "micros"]
