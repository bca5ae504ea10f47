"""A real HTTP server that answers as a service of embeddings does, or as badly as it is told to."""

import contextlib
import http.server
import json
import threading
import time
import zlib

import numpy as np

WIDTH = 8


def vector(text, width=WIDTH):
    """What this service makes of a text: any unit vector, the same for the same text."""
    row = np.sin(np.arange(1, width + 1) * (zlib.crc32(text.encode()) % 997 + 1))
    return (row / np.linalg.norm(row)).tolist()


class Service:
    """What was asked, and what is answered. `script` holds functions, each of which answers one request in the plain answer's stead."""

    def __init__(self, *, shape="openai", width=WIDTH, latency_s=0.0):
        self.requests = []
        self.script = []
        self.shape = shape
        self.width = width
        self.latency_s = latency_s
        self.now = self.most = self.connections = 0
        self.lock = threading.Lock()
        self.url = ""

    def rows(self, body):
        return [vector(text, self.width) for text in body.get("input") or body["texts"]]

    def answer(self, body):
        """Return status, headers and a value."""
        rows = self.rows(body)
        if self.shape == "cohere":
            return 200, {}, {"id": "x", "embeddings": {"float": rows}, "texts": body["texts"]}
        data = [{"object": "embedding", "index": place, "embedding": row} for place, row in enumerate(rows)]
        return 200, {}, {"object": "list", "data": data[::-1], "model": body.get("model", ""), "usage": {"prompt_tokens": 1}}


@contextlib.contextmanager
def served(**options):
    """Give a `Service` that listens."""
    service = Service(**options)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self):
            super().setup()
            with service.lock:
                service.connections += 1

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with service.lock:
                service.now += 1
                service.most = max(service.most, service.now)
                service.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                act = service.script.pop(0) if service.script else None
            time.sleep(service.latency_s)
            with contextlib.suppress(OSError):
                self.reply(act, body)
            with service.lock:
                service.now -= 1

        def reply(self, act, body):
            answer = act(self, body) if act else service.answer(body)
            if answer is None:  # it answered by itself
                return
            status, headers, value = answer
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
