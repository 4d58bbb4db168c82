"""What the simulation says about itself: API version, service content, the documents that clients probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes.simulation.world import World

API_VERSION = "8.0.3.0"
_PRIOR_VERSIONS = ("8.0.2.0", "8.0.1.0", "8.0.0.1", "7.0.3.0", "7.0.0.0", "6.7.3", "6.7", "6.5", "6.0", "5.5")

VERSIONS = (
    '<?xml version="1.0" encoding="UTF-8" ?>\n<namespaces version="1.0">\n<namespace>\n<name>urn:vim25</name>\n'
    f"<version>{API_VERSION}</version>\n<priorVersions>\n"
    + "".join(f"<version>{version}</version>\n" for version in _PRIOR_VERSIONS)
    + "</priorVersions>\n</namespace>\n</namespaces>\n"
)
WSDL = (
    '<?xml version="1.0" encoding="UTF-8" ?>\n<definitions targetNamespace="urn:vim25Service"\n'
    ' xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:interface="urn:vim25">\n'
    '<import location="vim.wsdl" namespace="urn:vim25" />\n<service name="VimService" />\n</definitions>\n'
)
_MANAGERS = (
    ("propertyCollector", "PropertyCollector", "propertyCollector"),
    ("viewManager", "ViewManager", "ViewManager"),
)
_MANAGERS_AFTER_ABOUT = (
    ("sessionManager", "SessionManager", "SessionManager"),
    ("eventManager", "EventManager", "EventManager"),
    ("taskManager", "TaskManager", "TaskManager"),
    ("customFieldsManager", "CustomFieldsManager", "CustomFieldsManager"),
)


def service_content(world: World) -> str:
    """The members of the ServiceContent: only managers that the simulation has."""
    root = f'<rootFolder type="Folder">{world.inventory.root.moid}</rootFolder>'
    about = (
        "<about><name>VMware vCenter Server</name>"
        "<fullName>VMware vCenter Server 8.0.3 build-00000000 (simulated by slad)</fullName>"
        "<vendor>VMware, Inc.</vendor><version>8.0.3</version><patchLevel>00000</patchLevel>"
        "<build>00000000</build><localeVersion>INTL</localeVersion><localeBuild>000</localeBuild>"
        "<osType>linux-x64</osType><productLineId>vpx</productLineId><apiType>VirtualCenter</apiType>"
        f"<apiVersion>{API_VERSION}</apiVersion><instanceUuid>{world.instance_uuid}</instanceUuid>"
        "<licenseProductName>VMware VirtualCenter Server</licenseProductName>"
        "<licenseProductVersion>8.0</licenseProductVersion></about>"
    )
    return root + _references(_MANAGERS) + about + _references(_MANAGERS_AFTER_ABOUT)


def _references(managers: tuple[tuple[str, str, str], ...]) -> str:
    return "".join(f'<{tag} type="{wsdl_type}">{moid}</{tag}>' for tag, wsdl_type, moid in managers)
