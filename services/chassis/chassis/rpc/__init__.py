"""All of gRPC. Nothing outside this package imports grpc."""

from chassis.rpc.api import Api
from chassis.rpc.call import Call
from chassis.rpc.peers import Peers
from chassis.rpc.server import serve

__all__ = ["Api", "Call", "Peers", "serve"]
