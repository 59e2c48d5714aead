"""The script: what is asked, and what must come of it.

All expectations are written by hand from ``examples/shop``; none is computed by the code that the
demo shows.
"""

from dataclasses import dataclass

__all__ = ["SCRIPT", "Ask", "Outcome", "Scene"]


@dataclass(frozen=True)
class Ask:
    """One request.

    Attributes
    ----------
    body : bytes
        Sent with its length, or in chunks if ``chunked``.
    wire : tuple of str
        If given, sent instead as they stand, with a pause after each piece; ``{target}`` stands
        for the target.
    """

    target: str
    method: str = "GET"
    host: str = "shop.example.com"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunked: bool = False
    wire: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """An answer, and how many of a scene's requests get it.

    Attributes
    ----------
    verdict : str
        What the NIC says.
    route : str or None
        Name of the entry in the VirtualService.
    pods : tuple of str
        One of which answers; empty where the gateway itself does.
    sees : str or None
        The target that the pod sees, where it is not the one that was sent.
    """

    verdict: str
    route: str | None
    pods: tuple[str, ...] = ()
    status: int = 200
    flags: str = "-"
    attempts: int = 1
    sees: str | None = None
    at_least: int = 1
    at_most: int = 10_000


@dataclass(frozen=True)
class Scene:
    """Requests of one kind, from ``clients`` at once, the outcomes that they may have, and what to
    say of it: ``{0}`` in ``remark`` is the number of answers of the first outcome and so on."""

    name: str
    asks: tuple[Ask, ...]
    outcomes: tuple[Outcome, ...]
    clients: int = 1
    remark: str = ""


_CART, _WEB = ("cart-1", "cart-2"), ("web-1", "web-2")
_BETA = (("X-User-Group", "beta"),)
_ORDER = b'{"item": "tea", "count": 2}'

SCRIPT = (
    Scene(
        "products, one pod of three fails",
        (Ask("/api/products"), Ask("/api/products/17"), Ask("/api/products/17/photo")) * 32,
        (
            Outcome("decided", "products", ("products-1", "products-2")),
            Outcome("decided", "products", ("products-1", "products-2"), attempts=2, at_least=24),
        ),
        remark="Retries rescued {1} of {total} requests for products from a pod that fails.",
    ),
    Scene(
        "cart, exact and prefix",
        (Ask("/api/cart"), Ask("/api/cart/items"), Ask("/api/cart/items", "HEAD")) * 16,
        (Outcome("decided", "cart", _CART),),
        clients=4,
    ),
    Scene(
        "cart, 20 kB body with its length",
        (Ask("/api/cart/items", "PUT", body=_ORDER * 800),) * 4,
        (Outcome("decided", "cart", _CART),),
    ),
    Scene(
        "checkout, POST in chunks",
        (Ask("/api/checkout", "POST", body=_ORDER, chunked=True),) * 8,
        (Outcome("decided", "checkout", ("checkout-1",)),),
        remark="Where chunks end, the proxy tells the NIC: it decided all {0} requests in chunks.",
    ),
    Scene(
        "checkout, but not a POST",
        (Ask("/api/checkout"),) * 4,
        (Outcome("decided", "web", _WEB),),
    ),
    Scene(
        "reviews, header x-user-group: beta",
        (Ask("/api/reviews/17", headers=_BETA),) * 16,
        (Outcome("decided", "reviews-beta", ("reviews-v2-1",)),),
    ),
    Scene(
        "reviews, a canary of 10 %",
        (Ask("/api/reviews/17"), Ask("/api/reviews/18")) * 100,
        (
            Outcome("decided", "reviews", ("reviews-v1-1", "reviews-v1-2"), at_least=150),
            Outcome("decided", "reviews", ("reviews-v2-1",), at_least=2),
        ),
        clients=4,
        remark="The canary got {1} of {total} requests for reviews ({share[1]:.1f} %).",
    ),
    Scene(
        "orders, a regular expression",
        (Ask("/api/orders/17"), Ask("/api/orders/17/items")) * 12,
        (Outcome("provisional", "orders", ("orders-1",)),),
    ),
    Scene(
        "orders, the expression fails",
        (Ask("/api/orders/seventeen"),) * 8,
        (Outcome("provisional", "web", _WEB),),
    ),
    Scene(
        "search, engine=v2 in the query",
        (Ask("/api/search?q=tea&engine=v2"),) * 8,
        (Outcome("decided", "search-v2", ("search-v2-1",)),),
    ),
    Scene(
        "search, the old engine",
        (Ask("/api/search?q=tea"),) * 8,
        (Outcome("decided", "search", ("search-v1-1",)),),
    ),
    Scene(
        "inventory, one at a time",
        (Ask("/api/inventory/tea"),),
        (Outcome("decided", "inventory", ("inventory-1",)),),
    ),
    Scene(
        "inventory, twelve at once",
        (Ask("/api/inventory/tea"),) * 12,
        (
            Outcome("decided", "inventory", ("inventory-1",), at_least=2, at_most=2),
            Outcome("decided", "inventory", status=503, flags="UO", at_least=10, at_most=10),
        ),
        clients=12,
        remark="The breaker of inventory opened: {1} of {total} requests at once got 503 UO.",
    ),
    Scene(
        "the web frontend, for the rest",
        (Ask("/"), Ask("/index.html"), Ask("/", host="eu.shop.example.com")) * 12,
        (Outcome("decided", "web", _WEB),),
        clients=2,
    ),
    Scene(
        "dot segments",
        (Ask("/api/./products/../cart"),) * 4,
        (Outcome("undecided", "cart", _CART, sees="/api/cart"),),
    ),
    Scene(
        "a head in two segments",
        (
            Ask(
                "/api/cart",
                wire=("GET {target} HTTP/1.1\r\nHost: shop.exa", "mple.com\r\n\r\n"),
            ),
        )
        * 4,
        (Outcome("decided", "cart", _CART),),
    ),
    Scene(
        "an unknown host",
        (Ask("/", host="www.example.org"),) * 4,
        (Outcome("decided", None, status=404, flags="NR", attempts=0),),
    ),
    Scene(
        "two Host fields",
        (
            Ask(
                "/",
                wire=("GET {target} HTTP/1.1\r\nHost: shop.example.com\r\nHost: evil\r\n\r\n",),
            ),
        )
        * 2,
        (Outcome("malformed", None, status=400, flags="DPE", attempts=0),),
    ),
    Scene(
        "a length and chunks at once",
        (
            Ask(
                "/",
                "POST",
                wire=(
                    "POST {target} HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 5\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                ),
            ),
        )
        * 2,
        (Outcome("malformed", None, status=400, flags="DPE", attempts=0),),
    ),
)
