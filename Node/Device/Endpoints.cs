using System.Buffers.Binary;
using Mesh.Node.Device.Native;
using Mesh.Protocol.Tunnel;

namespace Mesh.Node.Device;

/// <summary>Converts between the protocol's endpoints and the kernel's. Allocates nothing.</summary>
static unsafe class Endpoints
{
    /// <summary>From the kernel's form.</summary>
    public static EndpointAddress ToAddress(in RawEndpoint raw)
    {
        fixed (byte* a = raw.Address)
        {
            var port = BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(a + 2, 2));
            return raw.Family == LibC.AF_INET6
                ? new EndpointAddress(new ReadOnlySpan<byte>(a + 8, 16), port, *(uint*)(a + 24))
                : new EndpointAddress(new ReadOnlySpan<byte>(a + 4, 4), port);
        }
    }

    /// <summary>To the kernel's form; the endpoint must not be none.</summary>
    public static RawEndpoint ToRaw(in EndpointAddress endpoint)
    {
        RawEndpoint raw = default;
        *(ushort*)raw.Address = (ushort)(endpoint.IsIPv6 ? LibC.AF_INET6 : LibC.AF_INET);
        BinaryPrimitives.WriteUInt16BigEndian(new Span<byte>(raw.Address + 2, 2), endpoint.Port);
        endpoint.WriteAddress(new Span<byte>(raw.Address + (endpoint.IsIPv6 ? 8 : 4), 16));
        if (endpoint.IsIPv6)
            *(uint*)(raw.Address + 24) = endpoint.Scope;
        return raw;
    }
}
