using Mesh.Protocol.Filter;

namespace Mesh.Protocol.Segmentation;

public sealed unsafe partial class PacketCoalescer
{
    const int TcpChecksumAt = 16, UdpChecksumAt = 6;

    /// <summary>Ends the batch: writes the virtio headers, rewrites the headers of every merged group's first packet, lists what to write.</summary>
    /// <returns>The number of groups.</returns>
    public int Complete()
    {
        if (_completed)
            return _groupCount;
        _completed = true;
        var at = 0;
        for (var i = 0; i < _groupCount; i++)
        {
            ref var group = ref _groups[i];
            group.VectorsAt = at;
            _vectors[at++] = new GatherVector(_headersAt + i * HeaderStride, VirtioHeader.Size);
            for (var p = group.Head; p != None; p = _packets[p].Next)
                _vectors[at++] = new GatherVector(_packets[p].Data, _packets[p].Length);
            var header = group.Count == 1 ? default : Rewrite((byte*)_packets[group.Head].Data, group);
            header.WriteTo(_headers.AsSpan(i * HeaderStride));
        }

        return _groupCount;
    }

    static VirtioHeader Rewrite(byte* packet, in Group group)
    {
        var isV6 = packet[0] >> 4 == 6;
        ulong addresses;
        if (isV6)
        {
            WriteBig(packet + 4, group.Length - 40);
            addresses = Addresses(packet + 8, 32);
        }
        else
        {
            WriteBig(packet + 2, group.Length);
            WriteBig(packet + 10, 0);
            addresses = Addresses(packet + 12, 8);
            WriteBig(packet + 10, InternetChecksum.Finish(Addresses(packet, 12) + addresses));
        }

        var transport = packet + group.Transport;
        var length = group.Length - group.Transport;
        var protocol = group.IsTcp ? IpProtocol.Tcp : IpProtocol.Udp;
        var pseudo = InternetChecksum.Fold(InternetChecksum.AddWord(protocol, InternetChecksum.AddWord(length, addresses)));
        if (group.IsTcp)
        {
            if (group.Push)
                transport[13] |= TcpPsh;
            WriteBig(transport + TcpChecksumAt, pseudo);
            return new VirtioHeader(
                VirtioHeader.NeedsChecksum,
                (byte)(isV6 ? GsoType.TcpV6 : GsoType.TcpV4),
                group.Headers,
                group.SegmentSize,
                group.Transport,
                TcpChecksumAt);
        }

        WriteBig(transport + 4, length);
        WriteBig(transport + UdpChecksumAt, pseudo);
        return new VirtioHeader(
            VirtioHeader.NeedsChecksum, (byte)GsoType.UdpL4, group.Headers, group.SegmentSize, group.Transport, UdpChecksumAt);
    }
}
