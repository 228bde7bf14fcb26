using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Mesh.Protocol.Segmentation;

namespace Mesh.Tests.Protocol.Segmentation;

/// <summary>Packets in pinned memory, through a coalescer, and what a kernel would make of the groups, the slow way.</summary>
sealed unsafe class CoalescerBatch
{
    readonly List<byte[]> _memory = [];
    readonly PacketCoalescer _coalescer;

    public CoalescerBatch(PacketCoalescer coalescer, IEnumerable<byte[]> packets)
    {
        _coalescer = coalescer;
        foreach (var packet in packets)
        {
            var pinned = GC.AllocateArray<byte>(packet.Length, pinned: true);
            packet.CopyTo(pinned, 0);
            _memory.Add(pinned);
            Assert.True(coalescer.Add(Address(pinned), packet.Length));
        }

        coalescer.Complete();
    }

    public List<(VirtioHeader Header, byte[] Bytes, List<int> Packets)> Groups()
    {
        List<(VirtioHeader, byte[], List<int>)> groups = [];
        for (var i = 0; i < _coalescer.GroupCount; i++)
        {
            var group = _coalescer[i];
            var vectors = group.Vectors;
            Assert.Equal(group.PacketCount + 1, vectors.Length);
            var virtio = Bytes(vectors[0]);
            Assert.Equal(VirtioHeader.Size, virtio.Length);
            Assert.Equal(group.Header, VirtioHeader.Read(virtio));
            List<byte> bytes = [];
            List<int> packets = [];
            foreach (var vector in vectors[1..])
            {
                bytes.AddRange(Bytes(vector));
                packets.Add(_memory.FindIndex(m => vector.Data >= Address(m) && vector.Data + vector.Length == Address(m) + m.Length));
            }

            groups.Add((group.Header, bytes.ToArray(), packets));
        }

        return groups;
    }

    /// <summary>What arrives: every group checked and cut again by its virtio header, as the kernel cuts it.</summary>
    public static List<byte[]> Receive(VirtioHeader header, byte[] bytes)
    {
        if (header == default)
            return [bytes];
        Assert.Equal(VirtioHeader.NeedsChecksum, header.Flags);
        var isV6 = bytes[0] >> 4 == 6;
        var transport = isV6 ? 40 : 20;
        var isTcp = header.RawGsoType != 5;
        Assert.Equal(isTcp ? isV6 ? 4 : 1 : 5, header.RawGsoType);
        Assert.Equal((transport, isTcp ? 16 : 6), (header.ChecksumStart, header.ChecksumOffset));
        Assert.Equal(isTcp ? 6 : 17, bytes[isV6 ? 6 : 9]);
        Assert.Equal(bytes.Length, isV6 ? 40 + Big(bytes, 4) : Big(bytes, 2));
        if (!isV6)
            Assert.Equal(0xffff, PlainPacket.Sum(bytes[..20]));
        var headers = transport + (isTcp ? (bytes[transport + 12] >> 4) * 4 : 8);
        Assert.Equal(headers, header.HeaderLength);
        if (!isTcp)
            Assert.Equal(bytes.Length - transport, Big(bytes, transport + 4));
        var addresses = isV6 ? bytes[8..40] : bytes[12..20];
        PlainPacket whole = new()
        {
            Source = addresses[..(addresses.Length / 2)],
            Destination = addresses[(addresses.Length / 2)..],
            Protocol = isTcp ? (byte)6 : (byte)17,
            SourcePort = Big(bytes, transport),
            DestinationPort = Big(bytes, transport + 2),
            TrafficClass = isV6 ? (byte)(BinaryPrimitives.ReadUInt32BigEndian(bytes) >> 20) : bytes[1],
            FlowLabel = isV6 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) & 0xfffff : 0,
            HopLimit = isV6 ? bytes[7] : bytes[8],
            Identification = isV6 ? (ushort)0 : Big(bytes, 4),
            Fragment = isV6 ? (ushort)0 : Big(bytes, 6),
            Sequence = isTcp ? BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(transport + 4)) : 0,
            Acknowledgement = isTcp ? BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(transport + 8)) : 0,
            Reserved = isTcp ? (byte)(bytes[transport + 12] & 15) : (byte)0,
            Flags = isTcp ? bytes[transport + 13] : (byte)0,
            Window = isTcp ? Big(bytes, transport + 14) : (ushort)0,
            Urgent = isTcp ? Big(bytes, transport + 18) : (ushort)0,
            TcpOptions = isTcp ? bytes[(transport + 20)..headers] : [],
            Payload = bytes[headers..],
        };
        Assert.Equal(whole.BuildPartial(), bytes);
        return whole.Segments(header.GsoSize).Select(p => p.Build()).ToList();
    }

    static ushort Big(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at));

    static nint Address(byte[] pinned) => (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));

    static byte[] Bytes(GatherVector vector) => new ReadOnlySpan<byte>((void*)vector.Data, (int)vector.Length).ToArray();
}
