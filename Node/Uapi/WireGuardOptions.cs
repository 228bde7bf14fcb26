using Mesh.Actors.Device;

namespace Mesh.Node.Uapi;

/// <summary>How a plain WireGuard device is to run.</summary>
/// <param name="Interface">Name of the interface, 1 to 15 bytes.</param>
/// <param name="Queues">Queues of the device; 0: as many as the machine calls for.</param>
/// <param name="Disabled">Offloads that are not to be used.</param>
sealed record WireGuardOptions(string Interface, int Queues, OffloadFeatures Disabled);
