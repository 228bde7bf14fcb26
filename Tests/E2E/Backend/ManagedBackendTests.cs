using Mesh.Actors.Device;

namespace Mesh.Tests.E2E.Backend;

/// <summary>The backend of our own.</summary>
public sealed class ManagedBackendTests : TunnelBackendConformance
{
    private protected override TunnelCapabilities Promised =>
        TunnelCapabilities.PacketFilter | TunnelCapabilities.DropCounters | TunnelCapabilities.EndpointCandidates | TunnelCapabilities.PacketCounters
        | TunnelCapabilities.CipherSuites | TunnelCapabilities.KeyRotation;

    private protected override void AssertNothingIsLeft(BackendLab.Machine machine)
    {
        Assert.DoesNotContain(machine.Interface, machine.Ns.Ip("link").Output, StringComparison.Ordinal);
        Assert.DoesNotContain("51820", machine.Ns.Run("cat", "/proc/net/udp", "/proc/net/udp6").Output.Replace("CA6C", "51820", StringComparison.Ordinal), StringComparison.Ordinal);
    }
}
