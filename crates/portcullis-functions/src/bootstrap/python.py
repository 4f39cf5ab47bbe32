# Asks Portcullis for invocations and calls the handler, as Lambda's own runtime does.
import http.client
import importlib.util
import json
import os
import sys
import time
import traceback


def described(error):
    return json.dumps({
        "errorType": type(error).__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_tb(error.__traceback__),
    }).encode()


class Runtime:
    def __init__(self):
        address, _, prefix = os.environ["AWS_LAMBDA_RUNTIME_API"].partition("/")
        self.base = "/" + (prefix + "/" if prefix else "") + "2018-06-01/runtime"
        self.connection = http.client.HTTPConnection(address)

    def ask(self, method, suffix, body=None, headers=None):
        try:
            self.connection.request(method, self.base + suffix, body, headers or {})
            response = self.connection.getresponse()
            return response, response.read()
        except (OSError, http.client.HTTPException):
            # Nobody to answer to: the gateway is gone.
            os._exit(1)

    def fail(self, suffix, error):
        traceback.print_exception(error)
        sys.stderr.flush()
        kind = {"Lambda-Runtime-Function-Error-Type": "Unhandled"}
        self.ask("POST", suffix, described(error), kind)


class Context:
    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self.deadline - int(time.time() * 1000))


def load(file, exported):
    sys.path.insert(0, os.getcwd())
    sys.path.insert(0, os.path.dirname(file))
    name = os.path.splitext(os.path.basename(file))[0]
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    for part in exported.split("."):
        module = getattr(module, part)
    return module


def main():
    runtime = Runtime()
    file, exported = sys.argv[-2:]
    try:
        handler = load(file, exported)
    except BaseException as error:
        runtime.fail("/init/error", error)
        sys.exit(1)
    while True:
        response, text = runtime.ask("GET", "/invocation/next")
        if response.status != 200:
            sys.exit(1)
        context = Context(response.headers)
        os.environ["_X_AMZN_TRACE_ID"] = response.headers["Lambda-Runtime-Trace-Id"]
        invocation = "/invocation/" + context.aws_request_id
        try:
            result = json.dumps(handler(json.loads(text), context)).encode()
        except Exception as error:
            runtime.fail(invocation + "/error", error)
            continue
        sys.stdout.flush()
        kind = {"Content-Type": "application/json"}
        runtime.ask("POST", invocation + "/response", result, kind)


main()
