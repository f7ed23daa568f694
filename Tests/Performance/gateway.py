"""What the benches of a running gateway have in common."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Bench:
    """A broker and a gateway of its own, ended with it."""

    def __init__(self, name, binaries):
        self.name, self.binaries = name, os.path.abspath(binaries)
        self.work = tempfile.mkdtemp(prefix=f"baotu-{name}.")
        self.processes = []
        self.missed = False

    def start(self, *command, **options):
        process = subprocess.Popen(command, **options)
        self.processes.append(process)
        return process

    def end(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        shutil.rmtree(self.work, ignore_errors=True)

    def until(self, what, condition):
        for _ in range(400):
            if condition():
                return
            time.sleep(0.05)
        self.fail(f"{what} did not happen in 20 s")

    def fail(self, sentence):
        for name in sorted(os.listdir(self.work)):
            if name.endswith(".log"):
                with open(f"{self.work}/{name}") as log:
                    sys.stderr.write("".join(f"{name}: {line}" for line in log.read()[-1000:].splitlines(True)[-5:]))
        raise SystemExit(f"{self.name}: {sentence}")

    def start_broker(self, settings=None, port=None):
        """With the shipped settings, but for who may connect and those that are given; a port has been there before."""
        port = port or free_port()
        settings = dict(settings or {})
        with open(f"{ROOT}/Config/mosquitto/mosquitto.conf") as given, open(f"{self.work}/mosquitto.conf", "w") as own:
            for line in given:
                if line.startswith("listener "):
                    line = f"listener {port} 127.0.0.1\n"
                elif line.startswith("persistence_location "):
                    line = f"persistence_location {self.work}/\n"
                elif line.startswith("allow_anonymous "):
                    line = "allow_anonymous true\n"
                elif line.startswith(("password_file ", "acl_file ")):
                    continue
                elif line.split(" ")[0] in settings:
                    line = f"{line.split(' ')[0]} {settings[line.split(' ')[0]]}\n"
                own.write(line)
            if os.getuid() == 0:
                own.write("user root\n")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        log = open(f"{self.work}/broker.log", "w")
        self.broker = self.start(program, "-c", f"{self.work}/mosquitto.conf", stdout=log, stderr=log)

        def answers():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False
        self.until("the broker's start", answers)
        return port

    def start_gateway(self, port, settings="", devices=200, rules=None):
        """`rules`: the text of alerts.yaml; the shipped one where nothing is given."""
        self.socket = f"{self.work}/baotu.sock"
        with open(f"{self.work}/roster.csv", "w") as roster:
            roster.write("device,profile,area,cadence\n")
            for number in range(1, devices + 1):
                roster.write(f"lamp-{number:04d},streetlight-controller,Lixia,10m\n")
        shutil.copy(f"{ROOT}/Config/alerts.yaml", self.work)
        if rules is not None:
            with open(f"{self.work}/alerts.yaml", "w") as file:
                file.write(rules)
        with open(f"{self.work}/baotu.yaml", "w") as file:
            file.write(
                f"mqtt: {{host: 127.0.0.1, port: {port}, client_id: baotu-{self.name}}}\n"
                f"store: {{folder: {self.work}/store}}\n"
                + settings +
                f"devices: {{folder: {ROOT}/Devices, roster: roster.csv}}\n"
                f"api: {{socket: {self.socket}}}\n"
                "log: {level: warning}\n")
        log = open(f"{self.work}/daemon.log", "w")
        self.gateway = self.start(f"{self.binaries}/baotud", "--config", f"{self.work}/baotu.yaml", stdout=log, stderr=log)
        self.until("the gateway's start", lambda: '"broker_connected" : true' in self.baotu("status", "--format", "json"))

    def committed(self):
        text = self.baotu("status", "--format", "json")
        return int(text.split('"committed" : ')[1].split(",")[0])

    def baotu(self, *arguments):
        environment = dict(os.environ, BAOTU_SOCKET=self.socket)
        return subprocess.run(
            [f"{self.binaries}/baotu", *arguments], env=environment, capture_output=True, text=True).stdout

    def figure(self, name, value, target, unit="ms"):
        reached = value <= target
        self.missed |= not reached
        print(f"{name:<58} {value:8.2f} {unit}   at most {target:g}: {'reached' if reached else 'MISSED'}")
