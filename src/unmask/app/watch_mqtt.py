"""Events to an MQTT broker, with what Home Assistant needs to show them by itself."""

import json
import re
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote, urlsplit

from unmask.app.watch_events import DeliveryError, Event
from unmask.plain import address_shown
from unmask.types import SettingsError

CONFIRMED_S = 5.0  # for the broker to take an event
DISCOVERY = "homeassistant"
PORTS = {"mqtt": 1883, "mqtts": 8883}


class Broker:
    """A connection that is made again by itself; every event is confirmed by the broker (QoS 1).

    Topics: PREFIX/NAME/events has each event, PREFIX/NAME/state the latest verdict (retained), and
    PREFIX/NAME/available `online` or `offline`, which the broker writes itself if we are gone.
    """

    def __init__(self, address: str, *, name: str) -> None:
        mqtt = _paho()
        place = urlsplit(address)
        if place.scheme not in PORTS or not place.hostname:
            raise SettingsError(
                f"--mqtt is an address such as mqtt://user:password@broker:1883, not {address_shown(address)}"
            )
        self._shown = address_shown(address)
        self._device = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "camera"
        prefix = place.path.strip("/") or "unmask"
        self._topic = f"{prefix}/{self._device}"
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"unmask-{self._device}")
        if place.username:
            self._client.username_pw_set(unquote(place.username), unquote(place.password or ""))
        if place.scheme == "mqtts":
            self._client.tls_set()
        self._client.reconnect_delay_set(1, 30)
        self._client.will_set(f"{self._topic}/available", "offline", qos=1, retain=True)
        self._client.on_connect = self._connected
        self._refused = ""
        self._client.connect_async(place.hostname, place.port or PORTS[place.scheme])
        self._client.loop_start()

    def deliver(self, event: Event) -> None:
        """One event; DeliveryError unless the broker confirms it."""
        if not self._client.is_connected():
            raise DeliveryError(self._refused or f"{self._shown} cannot be reached")
        messages = [self._client.publish(f"{self._topic}/events", json.dumps(event), qos=1)]
        if event["event"] in ("verdict", "gone"):
            state = {"verdict": event.get("verdict", "NOBODY"), "score": event.get("score")}
            state |= {"reasons": event.get("reasons", []), "time": event["time"]}
            messages.append(
                self._client.publish(f"{self._topic}/state", json.dumps(state), qos=1, retain=True)
            )
        for message in messages:
            try:
                message.wait_for_publish(CONFIRMED_S)
            except (RuntimeError, ValueError) as away:
                raise DeliveryError(f"{self._shown} was lost") from away
            if not message.is_published():
                raise DeliveryError(f"{self._shown} does not confirm")

    def close(self) -> None:
        """Say goodbye."""
        if self._client.is_connected():
            gone = self._client.publish(f"{self._topic}/available", "offline", qos=1, retain=True)
            gone.wait_for_publish(CONFIRMED_S)
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: Any, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if reason.is_failure:
            self._refused = f"{self._shown} refuses ({reason}); check user and password"
            return
        self._refused = ""
        client.publish(f"{self._topic}/available", "online", qos=1, retain=True)
        for path, config in discovery(self._topic, device=self._device).items():
            client.publish(path, json.dumps(config), qos=1, retain=True)


def discovery(topic: str, *, device: str) -> dict[str, dict[str, Any]]:
    """Topic -> configuration, by which Home Assistant shows the verdict, the score, and attacks."""
    shared = {
        "state_topic": f"{topic}/state",
        "availability_topic": f"{topic}/available",
        "device": {
            "identifiers": [f"unmask_{device}"],
            "name": f"unmask {device}",
            "manufacturer": "unmask",
            "sw_version": version("unmask"),
        },
    }
    rows: dict[str, dict[str, Any]] = {
        "sensor/{}/verdict": {
            "name": "Verdict",
            "icon": "mdi:face-recognition",
            "value_template": "{{ value_json.verdict }}",
            "json_attributes_topic": f"{topic}/state",
        },
        "sensor/{}/score": {
            "name": "Score",
            "state_class": "measurement",
            "value_template": "{{ value_json.score }}",
        },
        "binary_sensor/{}/attack": {
            "name": "Attack",
            "device_class": "safety",
            "value_template": "{{ 'ON' if value_json.verdict == 'ATTACK' else 'OFF' }}",
        },
    }
    found = {}
    for path, row in rows.items():
        kind = path.rpartition("/")[2]
        where = f"{DISCOVERY}/{path.format(f'unmask_{device}')}/config"
        found[where] = {**shared, **row, "unique_id": f"unmask_{device}_{kind}"}
    return found


def _paho() -> Any:
    try:
        from paho.mqtt import client
    except ImportError as missing:
        raise SettingsError("--mqtt needs the extra `mqtt`; pip install 'unmask[mqtt]'") from missing
    return client
