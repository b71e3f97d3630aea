"""Python as a client of the gateway: requests, httpx, and grpcio with a server of its own.

    clients.py serve            serves gRPC, prints its port, and ends with its standard input
    clients.py GATEWAY          the clients, with the tokens in READER, DOCTOR and BUSY
"""

import json
import os
import sys
from concurrent import futures

import grpc

SERVICE = "shop.Orders"


def serve():
    def list_orders(request, context):
        context.set_trailing_metadata((("x-counted", "1"),))
        return b"order " + request

    def watch(request, _):
        yield request + b" packed"
        yield request + b" sent"

    def fail(_, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "there is no such order")

    handlers = {
        "List": grpc.unary_unary_rpc_method_handler(list_orders),
        "Watch": grpc.unary_stream_rpc_method_handler(watch),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
    }
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    # It ends with who started it, however that ends.
    sys.stdin.read()
    server.stop(None)


def bearer(name):
    return {"authorization": f"Bearer {os.environ[name]}"}


def same(actual, expected):
    assert actual == expected, f"expected {expected!r}, found {actual!r}"


def over_requests(gateway):
    import requests

    with requests.Session() as session:
        anonymous = session.get(f"{gateway}/orders/17")
        same((anonymous.status_code, anonymous.json()["status"]), (401, 401))
        same(anonymous.headers["www-authenticate"].split()[0], "Bearer")
        same(session.get(f"{gateway}/orders/17", headers=bearer("DOCTOR")).status_code, 403)
        order = session.get(f"{gateway}/orders/17", headers=bearer("READER"))
        same((order.status_code, order.json()["path"]), (200, "/orders/17"))
        # A body of unknown length, in chunks.
        sent = session.post(f"{gateway}/echo", data=iter([b"one ", b"two"]), headers=bearer("READER"))
        same(sent.json()["sent"], "one two")
        patient = session.get(f"{gateway}/patients/7", headers=bearer("DOCTOR"))
        same(patient.json()["mail"], "[EMAIL]")


def over_httpx(gateway):
    import httpx

    # HTTP/1.1, then HTTP/2 from the first byte on.
    for protocols in ({"http1": True, "http2": False}, {"http1": False, "http2": True}):
        with httpx.Client(trust_env=False, **protocols) as client:
            order = client.get(f"{gateway}/orders/17", headers=bearer("READER"))
            same(order.status_code, 200)
            same(order.http_version, "HTTP/2" if protocols["http2"] else "HTTP/1.1")
            same(client.get(f"{gateway}/orders/17").status_code, 401)
            with client.stream("GET", f"{gateway}/patients/7", headers=bearer("DOCTOR")) as response:
                same(json.loads(b"".join(response.iter_bytes()))["mail"], "[EMAIL]")


def over_grpc(gateway):
    def metadata(name):
        return tuple(bearer(name).items())

    def refused(call, **arguments):
        try:
            call(b"17", timeout=10, **arguments)
        except grpc.RpcError as error:
            return error
        raise AssertionError("it was not refused")

    with grpc.insecure_channel(gateway.removeprefix("http://"), options=[("grpc.enable_http_proxy", 0)]) as channel:
        orders = channel.unary_unary(f"/{SERVICE}/List")
        message, call = orders.with_call(b"17", timeout=10, metadata=metadata("READER"))
        same((message, call.code()), (b"order 17", grpc.StatusCode.OK))
        same(dict(call.trailing_metadata())["x-counted"], "1")
        watch = channel.unary_stream(f"/{SERVICE}/Watch")
        same(list(watch(b"17", timeout=10, metadata=metadata("READER"))), [b"17 packed", b"17 sent"])

        failed = refused(channel.unary_unary(f"/{SERVICE}/Fail"), metadata=metadata("READER"))
        same((failed.code(), failed.details()), (grpc.StatusCode.NOT_FOUND, "there is no such order"))
        same(refused(orders).code(), grpc.StatusCode.UNAUTHENTICATED)
        same(refused(orders, metadata=metadata("DOCTOR")).code(), grpc.StatusCode.PERMISSION_DENIED)

        # Twenty at once, and some while they are sent.
        codes = [orders.future(b"17", metadata=metadata("BUSY")) for _ in range(40)]
        codes = [call.code() for call in codes]
        assert 20 <= codes.count(grpc.StatusCode.OK) < 40, codes
        same(set(codes), {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED})


if sys.argv[1] == "serve":
    serve()
else:
    over_requests(sys.argv[1])
    over_httpx(sys.argv[1])
    over_grpc(sys.argv[1])
    print("all passed")
