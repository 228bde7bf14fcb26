using System.Buffers.Binary;
using System.Net;
using Mesh.Actors.Device;
using Mesh.Node.Device.Native;
using Mesh.Protocol.Routing;

namespace Mesh.Node.Os;

// What of ours is set: after a run that ended without taking it back.
sealed unsafe partial class Netlink
{
    const ushort RtmGetAddr = 22, RtmGetRoute = 26, NlmDump = 0x300;
    const int NlmsgDone = 3, LargestPart = 32768;

    /// <summary>Reads the addresses of an interface that are marked as ours; kernels before 5.18 keep no marks, and there are none.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public IReadOnlyList<InterfaceAddress> OwnAddresses(int index)
    {
        List<InterfaceAddress> found = [];
        Dump(RtmGetAddr, 8, message =>
        {
            if (BinaryPrimitives.ReadInt32LittleEndian(message[4..]) != index || Find(message[8..], IfaProto) is not [RouteProtocol])
                return;
            var address = Find(message[8..], IfaLocal);
            if (address.IsEmpty)
                address = Find(message[8..], IfaAddress);
            if (address.Length is 4 or 16)
                found.Add(new InterfaceAddress(new IPAddress(address), message[1]));
        });
        return found;
    }

    /// <summary>Reads the routes through an interface that are marked as ours.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public IReadOnlyList<IpPrefix> OwnRoutes(int index)
    {
        List<IpPrefix> found = [];
        Dump(RtmGetRoute, 12, message =>
        {
            if (message[4] != TableMain || message[5] != RouteProtocol || Find(message[12..], RtaOif) is not { Length: 4 } oif
                || BinaryPrimitives.ReadInt32LittleEndian(oif) != index)
                return;
            var destination = Find(message[12..], RtaDst);
            if (destination.IsEmpty)
                destination = message[0] == LibC.AF_INET6 ? IPAddress.IPv6Any.GetAddressBytes() : IPAddress.Any.GetAddressBytes();
            found.Add(new IpPrefix(destination, message[1]));
        });
        return found;
    }

    delegate void TakeMessage(ReadOnlySpan<byte> message);

    void Dump(ushort type, int headerSize, TakeMessage take)
    {
        Begin(type, NlmDump);
        // All families; the dump needs no more than a header of zeros.
        Span<byte> header = stackalloc byte[headerSize];
        header.Clear();
        Append(header);
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer, (uint)_length);
        var parts = new byte[LargestPart];
        fixed (byte* request = _buffer, answer = parts)
        {
            if (LibC.Send(_fd, request, (nuint)_length, 0) < 0)
                throw LibC.Failure("cannot ask the kernel what is set");
            while (true)
            {
                var count = (int)LibC.Recv(_fd, answer, (nuint)parts.Length, 0);
                if (count < 0)
                    throw LibC.Failure("cannot read what is set");
                for (var rest = parts.AsSpan(0, count); rest.Length >= 16;)
                {
                    var length = BinaryPrimitives.ReadInt32LittleEndian(rest);
                    if (length < 16 || length > rest.Length)
                        throw new IOException("the kernel's answer cannot be read");
                    var kind = BinaryPrimitives.ReadUInt16LittleEndian(rest[4..]);
                    if (BinaryPrimitives.ReadUInt32LittleEndian(rest[8..]) == _sequence)
                    {
                        if (kind == NlmsgDone)
                            return;
                        if (kind == NlmsgError)
                            throw LibC.Failure("the kernel does not say what is set", -BinaryPrimitives.ReadInt32LittleEndian(rest[16..]));
                        if (length >= 16 + headerSize)
                            take(rest[16..length]);
                    }

                    rest = rest[Math.Min(rest.Length, (length + 3) & ~3)..];
                }
            }
        }
    }

    // An attribute's value; empty when there is none.
    static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> attributes, ushort type)
    {
        while (attributes.Length >= 4)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(attributes);
            if (length < 4 || length > attributes.Length)
                break;
            if (BinaryPrimitives.ReadUInt16LittleEndian(attributes[2..]) == type)
                return attributes[4..length];
            attributes = attributes[Math.Min(attributes.Length, (length + 3) & ~3)..];
        }

        return default;
    }
}
