"""Responds with the path of each request as Python reads it: `echo.py wsgi PORT`, `echo.py http PORT`."""

import http.server
import json
import sys
import wsgiref.simple_server
from urllib.parse import unquote, urlparse, urlsplit


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        readings = {
            # A file below the folder that is served.
            "http.server": self.translate_path(self.path).removeprefix(self.directory) or "/",
            "urlsplit()": urlsplit(self.path).path,
            "urlparse(), decoded": unquote(urlparse(self.path).path),
        }
        body = json.dumps(readings).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def application(environ, start_response):
    # PEP 3333: the bytes of the path, each as a character.
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    start_response("200 OK", [("content-type", "application/json")])
    return [json.dumps({"PATH_INFO": path}).encode()]


kind, port = sys.argv[1], int(sys.argv[2])
if kind == "wsgi":
    server = wsgiref.simple_server.make_server("127.0.0.1", port, application, handler_class=Quiet)
else:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
server.serve_forever()
