"""Every page, for whoever looks at all of them."""

PATHS = (
    "/",
    "/routes",
    "/upstreams",
    "/requests",
    "/requests/ho-1000",
    "/requests/ho-999",
    "/spend",
    "/configuration",
)
