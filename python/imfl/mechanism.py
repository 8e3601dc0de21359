"""Prices, auctions and offers that pay clients from measured quality and cost, and the checks that attack them.

Money is :class:`~decimal.Decimal` credits or integer micro-credits; every number is that of ``imfl mechanism``, to the last digit.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from . import _imfl
from ._values import Path, column, credits, frame, rate, table
from .errors import UsageError
from .events import relay
from .forecast import Forecast, Prediction

if TYPE_CHECKING:
    import pandas as pd

    from .events import OnEvent

__all__ = [
    "Auction",
    "Award",
    "Comparison",
    "Constants",
    "Expectation",
    "Findings",
    "Market",
    "Outcome",
    "Sensitivity",
    "Verification",
    "verify",
]

#: How a client takes part.
Mode = Literal["out", "local", "augmented"]
MODES: tuple[Mode, Mode, Mode] = ("out", "local", "augmented")


@dataclass(frozen=True, slots=True)
class Constants:
    """The constants of the learning problem (the keys of a constants file).

    Attributes:
        g_data: largest norm of a class gradient on authentic data.
        sigma: standard deviation of a single sample's gradient.
        smoothness: L, smoothness of the objectives.
        rate: eta, learning rate of the clients' steps.
        local_steps: h, local steps per round.
    """

    g_data: float
    sigma: float
    smoothness: float
    rate: float
    local_steps: int


@dataclass(frozen=True, slots=True)
class Award:
    """What one client does and gets; money in credits."""

    client: str
    mode: Mode
    payment: Decimal
    cost: Decimal
    utility: Decimal
    effective_samples: float
    weight: float


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What happens if all costs are a factor off; server costs are means over scenarios, in credits."""

    cost_factor: float
    best_price: Decimal
    server_cost_at_best: float
    server_cost_at_price: float
    regret: float


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a server that knows costs in distribution only expects of its price; means over scenarios, in credits."""

    server_cost: float
    standard_error: float
    fresh_server_cost: float
    fresh_standard_error: float
    scenarios: int
    seed: int
    sensitivity: tuple[Sensitivity, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a benchmark mechanism does; money in credits."""

    mechanism: str
    participants: int
    accuracy_loss: float
    payments: Decimal
    server_cost: Decimal


@dataclass(frozen=True, eq=False)
class Outcome:
    """Who takes part, in which mode, for how much.

    Columns are arrays ``[clients]`` in the order of the market, which nobody can write to.

    Attributes:
        clients: ids.
        modes: 0 out, 1 local, 2 augmented (uint8); :attr:`awards` has them by name.
        payments_micros, costs_micros, utilities_micros: int64 micro-credits.
        effective_samples, weights: float64; what the server pays for, and the weight of the client's update.
        price: credits per effective sample, if the rule posts one.
        accuracy_loss: Phi; under a forecast the shortfall that is paid for, in percentage points or nats.
        terms: the terms of Phi by name; none under a forecast.
        predicted: accuracy and loss to expect, under a forecast.
        weighted_accuracy_loss, payments, server_cost, lower_bound: credits.
        gap: how far the server cost may be from the optimum, as a share of the lower bound.
        exact: whether the rule's optimisation was carried to the end.
        theorem_holds: whether the rate is small enough for the convergence theorem.
        expected: with incomplete information, what the server expected.
        benchmarks: what the benchmark mechanisms do, if they were asked for.
    """

    clients: tuple[str, ...]
    modes: npt.NDArray[np.uint8]
    payments_micros: npt.NDArray[np.int64]
    costs_micros: npt.NDArray[np.int64]
    utilities_micros: npt.NDArray[np.int64]
    effective_samples: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    price: Decimal | None
    accuracy_loss: float
    terms: Mapping[str, float]
    predicted: Prediction | None
    weighted_accuracy_loss: Decimal
    payments: Decimal
    server_cost: Decimal
    lower_bound: Decimal
    gap: float
    exact: bool
    theorem_holds: bool | None
    expected: Expectation | None = None
    benchmarks: tuple[Comparison, ...] = ()

    @cached_property
    def awards(self) -> tuple[Award, ...]:
        """Each client's part, in the order of the market."""
        columns = zip(
            self.clients,
            self.modes.tolist(),
            self.payments_micros.tolist(),
            self.costs_micros.tolist(),
            self.utilities_micros.tolist(),
            self.effective_samples.tolist(),
            self.weights.tolist(),
            strict=True,
        )
        return tuple(
            Award(client, MODES[mode], credits(payment), credits(cost), credits(utility), effective, weight)
            for client, mode, payment, cost, utility, effective, weight in columns
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a client; money as Decimal credits. Needs pandas."""
        awards = self.awards
        fields = [field.name for field in dataclasses.fields(Award)]
        return frame({name: [getattr(award, name) for award in awards] for name in fields})

    def __repr__(self) -> str:
        taking = int(np.count_nonzero(self.modes))
        price = "" if self.price is None else f"price={self.price}, "
        return f"{type(self).__name__}({taking} of {len(self.clients)} clients, {price}server_cost={self.server_cost})"


@dataclass(frozen=True, eq=False, repr=False)
class Auction(Outcome):
    """An auction's outcome, and what the rule promises for these bids.

    Attributes:
        rule: vcg, optimal or budget.
        guarantees: what holds.
        information: what is private and what is measured.
        source: where the rule comes from.
        ironed: whether virtual costs had to be ironed, under the optimal auction.
    """

    rule: str = ""
    guarantees: tuple[str, ...] = ()
    information: str = ""
    source: str = ""
    ironed: bool | None = None


def _outcome(found: Mapping[str, Any]) -> dict[str, Any]:
    price = found["price_picos"]
    return {
        "clients": tuple(found["clients"]),
        "modes": column(found["modes"], np.uint8),
        "payments_micros": column(found["payments_micros"], np.int64),
        "costs_micros": column(found["costs_micros"], np.int64),
        "utilities_micros": column(found["utilities_micros"], np.int64),
        "effective_samples": column(found["effective_samples"], np.float64),
        "weights": column(found["weights"], np.float64),
        "price": None if price is None else rate(price),
        "accuracy_loss": found["accuracy_loss"],
        "terms": dict(found["terms"]),
        "predicted": None if found["predicted"] is None else Prediction(*found["predicted"]),
        "weighted_accuracy_loss": credits(found["weighted_accuracy_loss_micros"]),
        "payments": credits(found["paid_micros"]),
        "server_cost": credits(found["server_cost_micros"]),
        "lower_bound": credits(found["lower_bound_micros"]),
        "gap": found["gap"],
        "exact": found["exact"],
        "theorem_holds": found["theorem_holds"],
    }


def _prior(given: object) -> Any:
    """A prior for Rust: distributions by the cost, or a table of observed costs."""
    if given is None or isinstance(given, str | os.PathLike):
        return given
    if isinstance(given, Mapping) and all(isinstance(value, Mapping) for value in given.values()):
        return given
    return table(given, "prior")


class Market:
    """Clients, what their data is worth, and what they cost or bid; quantised once, so that all that follows is integers.

    Args:
        clients: a path of a CSV file, a DataFrame, columns, or a list of mappings, with ``client, samples, skew,
            compute_cost, synthesis_cost, setup_cost, batch`` and, where label shares are known, ``p0, p1, ...``. Costs are
            credits a sample, a generated sample, a client. Values are read as they print: Decimals and text exactly, floats
            as their shortest decimal.
        constants: :class:`Constants`, a mapping, or a TOML file: the accuracy loss of a convergence bound is paid for.
        theta: quality of generated data: 0 is as good as authentic, 1 as bad as none; at most 1000. Under a forecast what its law
            makes of them, if absent.
        weight: kappa, credits that a unit of accuracy loss is worth.
        forecast: in the place of ``constants`` and ``weight``: what is predicted is paid for.
        worth: credits that a percentage point of accuracy is worth, or a nat of loss.
        per: what ``worth`` is for, ``point`` or ``nat``.
        bias: ``aligned`` (skews only, the worst case) or ``mixture`` (needs label shares).
        weights: what aggregation weights are proportional to, ``effective`` or ``samples``.
        target: the label distribution to train for: ``uniform``, ``pooled``, shares ``[classes]``, or a file of shares.

    Raises:
        DataError: a cell, by line and column. ConfigError: a constant, target, theta or weight out of range.

    Warns:
        UserWarning: where the rate is above what the convergence theorem allows.
    """

    def __init__(
        self,
        clients: object,
        *,
        constants: Constants | Mapping[str, float] | Path | None = None,
        theta: float | None = None,
        weight: float | None = None,
        forecast: Forecast | Path | None = None,
        worth: float | None = None,
        per: Literal["point", "nat"] = "point",
        bias: Literal["aligned", "mixture"] = "aligned",
        weights: Literal["effective", "samples"] = "effective",
        target: Literal["uniform", "pooled"] | Sequence[float] | Path = "uniform",
    ) -> None:
        given = table(clients, "clients")
        if forecast is not None:
            if worth is None or constants is not None or weight is not None:
                raise UsageError("a market under a forecast needs `worth`, and neither `constants` nor `weight`")
            if per not in ("point", "nat"):
                raise UsageError(f"`per` is `{per}`; expected point or nat")
            laws = forecast if isinstance(forecast, Forecast) else Forecast.load(forecast)
            self._market = _imfl.Market.forecasting(given, laws._forecast, worth, per == "nat", theta, weights, target)
            return
        if constants is None or theta is None or weight is None or worth is not None:
            raise UsageError("a market needs `constants`, `theta` and `weight`; or `forecast` and `worth`")
        said: Any = dataclasses.asdict(constants) if isinstance(constants, Constants) else constants
        self._market = _imfl.Market(given, said, theta, weight, bias, weights, target)
        theorem = self._market.theorem()
        if theorem is not None and not theorem[0]:
            _, rate_, largest = theorem
            warnings.warn(
                f"rate {rate_} is above 1/(4 L h) = {largest:.3e}: the accuracy loss still ranks participants, but the "
                "theorem bounds nothing",
                stacklevel=2,
            )

    def __len__(self) -> int:
        return len(self._market)

    def __repr__(self) -> str:
        return f"Market({len(self)} clients)"

    def price(
        self,
        *,
        information: Literal["complete", "incomplete"] = "complete",
        prior: object = None,
        scenarios: int = 1000,
        seed: int = 0,
        compare: bool = False,
    ) -> Outcome:
        """The best single posted price per effective sample, and how clients answer (``imfl mechanism price``).

        Args:
            information: whether the server knows every client's costs or only their distribution.
            prior: with incomplete information, what the server believes: a TOML or CSV file, distributions by the cost, or a
                table of observed costs; the clients' own costs as a distribution if absent.
            scenarios: draws from the prior.
            seed: seed of the draws.
            compare: also run the benchmark mechanisms.
        """
        if information not in ("complete", "incomplete"):
            raise UsageError(f"`information` is `{information}`; expected complete or incomplete")
        if not 1 <= scenarios <= 1_000_000:
            raise UsageError(f"`scenarios` is {scenarios}, outside [1, 1000000]")
        found = self._market.price(information == "complete", _prior(prior), scenarios, seed)
        expected = None
        if "expected" in found:
            values = dict(found["expected"])
            sensitivity = tuple(
                Sensitivity(factor, rate(best), at_best, at_price, regret)
                for factor, best, at_best, at_price, regret in values.pop("sensitivity")
            )
            expected = Expectation(**values, sensitivity=sensitivity)
        benchmarks = self.benchmarks(seed=seed) if compare else ()
        return Outcome(**_outcome(found), expected=expected, benchmarks=benchmarks)

    def offers(self, *, gap: float = 0.0, effort: int | None = None) -> Outcome:
        """To each client the mode that is best for the server, paid at cost, with a certified bound.

        Args:
            gap: stop once within this share of the optimum, in [0, 1).
            effort: stop after about this many evaluations of a client, about 10^8 a second.
        """
        return Outcome(**_outcome(self._market.offers(gap, effort)))

    def auction(
        self,
        rule: Literal["vcg", "optimal", "budget"],
        *,
        prior: object = None,
        budget: Decimal | int | str | None = None,
        effort: int | None = None,
    ) -> Auction:
        """A reverse auction in which the clients' costs are their bids (``imfl mechanism auction``).

        Args:
            rule: ``vcg``; ``optimal`` (the lowest expected server cost under a prior over training costs); ``budget`` (as many
                effective samples as a budget buys).
            prior: the optimal auction's belief, as for :meth:`price`; without one the bids themselves serve, and
                truthfulness is not promised.
            budget: the most credits that ``budget`` pays in all.
            effort: as for :meth:`offers`.
        """
        if isinstance(budget, float):
            raise UsageError("`budget` is a float; give credits as Decimal, int or text, which are exact")
        if rule == "optimal" and prior is None:
            warnings.warn(
                "no prior: the bids themselves serve as the prior, so a bid moves the payments and truthfulness is not "
                "guaranteed; give `prior` with what was known before anyone bid",
                stacklevel=2,
            )
        said = None if budget is None else str(budget)
        found = self._market.auction(rule, _prior(prior), said, effort)
        held = Auction(
            **_outcome(found),
            rule=found["rule"],
            guarantees=tuple(found["guarantees"]),
            information=found["information"],
            source=found["source"],
            ironed=found["ironed"],
        )
        if not held.exact:
            warnings.warn(
                f"the allocation is within {100.0 * held.gap:.3f} % of the optimum, not exact: nobody can gain more than "
                "that gap by lying",
                stacklevel=2,
            )
        return held

    def benchmarks(self, *, seed: int = 0) -> tuple[Comparison, ...]:
        """What the seven mechanisms to compare with do; ``seed`` orders random participants."""
        return tuple(
            Comparison(name, participants, loss, credits(payments), credits(cost))
            for name, participants, loss, payments, cost in self._market.benchmarks(seed)
        )

    def to_frame(self) -> pd.DataFrame:
        """The clients as they were read; costs as Decimal credits a unit. Needs pandas."""
        found = self._market.clients()
        costs = ("compute_cost", "synthesis_cost", "setup_cost")
        exact = {name: [rate(picos) for picos in column(found[f"{name}_picos"], np.uint64).tolist()] for name in costs}
        return frame(
            {
                "client": found["client"],
                "samples": column(found["samples"], np.uint64),
                "skew": column(found["skew"], np.float64),
                **exact,
                "batch": column(found["batch"], np.uint32),
            }
        )


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was attacked."""

    name: str
    trials: int
    violations: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found of one mechanism; a control must fall."""

    mechanism: str
    control: bool
    checks: tuple[Check, ...]

    @property
    def violations(self) -> int:
        """In all checks."""
        return sum(check.violations for check in self.checks)


@dataclass(frozen=True, slots=True)
class Verification:
    """What the attacks found: ``passed`` if every mechanism stood and every negative control fell."""

    passed: bool
    findings: tuple[Findings, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a check. Needs pandas."""
        rows = [(found, check) for found in self.findings for check in found.checks]
        return frame(
            {
                "mechanism": [found.mechanism for found, _ in rows],
                "control": [found.control for found, _ in rows],
                "check": [check.name for _, check in rows],
                "trials": [check.trials for _, check in rows],
                "violations": [check.violations for _, check in rows],
            }
        )


def verify(
    *,
    instances: int = 100,
    clients: int = 5,
    seed: int = 0,
    forecast: bool = False,
    on_event: OnEvent | None = None,
) -> Verification:
    """Attacks what the mechanisms promise on random markets (``imfl mechanism verify``).

    Args:
        instances: random markets, 1 to 1,000,000.
        clients: clients in a market at most, 1 to 8; the work grows like 3^clients.
        seed: which markets.
        forecast: on markets that pay for what a forecast predicts.
        on_event: called with every event.
    """
    if not 1 <= instances <= 1_000_000 or not 1 <= clients <= 8:
        raise UsageError("`instances` must lie in [1, 1000000] and `clients` in [1, 8]")
    found = _imfl.verify(instances, clients, seed, forecast, relay(on_event, None))
    findings = tuple(
        Findings(
            one["name"],
            one["control"],
            tuple(
                Check(check["name"], check["trials"], check["violations"], tuple(check["examples"])) for check in one["checks"]
            ),
        )
        for one in found["mechanisms"]
    )
    return Verification(found["passed"], findings)
