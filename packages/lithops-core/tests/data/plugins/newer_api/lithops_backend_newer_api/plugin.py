from __future__ import annotations

import lithops


class NewerApi:
    name = "newer_api"
    Config = None
    api_version = 2

    @lithops.hookimpl
    def invoke_of_the_future(self, activations, sink):
        return ()
