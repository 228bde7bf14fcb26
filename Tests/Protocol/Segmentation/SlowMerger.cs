namespace Mesh.Tests.Protocol.Segmentation;

/// <summary>
/// Says which packets of a batch belong together, from their fields, by the rules of <see cref="Mesh.Protocol.Segmentation.PacketCoalescer"/>
/// written down one by one.
/// </summary>
static class SlowMerger
{
    /// <param name="batch">Packets with whether their checksums are right.</param>
    /// <returns>The indexes of the packets of each group, in order.</returns>
    public static List<List<int>> Merge(IReadOnlyList<(PlainPacket Packet, bool Right)> batch, bool tcp, bool udp)
    {
        List<List<int>> groups = [];
        Dictionary<string, List<int>?> open = [];
        for (var i = 0; i < batch.Count; i++)
        {
            var packet = batch[i].Packet;
            if (packet.Protocol is not (6 or 17) && !IsOdd(packet))
            {
                groups.Add([i]);
                continue;
            }

            if (IsOdd(packet))
            {
                open.Clear();
                groups.Add([i]);
                continue;
            }

            if (!(packet.IsTcp ? tcp : udp))
            {
                groups.Add([i]);
                continue;
            }

            var group = open.GetValueOrDefault(packet.Flow);
            open[packet.Flow] = null;
            if (!IsMergeable(packet))
            {
                groups.Add([i]);
                continue;
            }

            if (group is not null && Fits(batch, group, i))
                group.Add(i);
            else
                groups.Add(group = [i]);
            if ((packet.IsTcp && (packet.Flags & PlainPacket.Psh) != 0) || packet.Payload.Length < batch[group[0]].Packet.Payload.Length)
                continue;
            open[packet.Flow] = group;
        }

        return groups;
    }

    /// <summary>Fragments and whatever hides its transport header.</summary>
    public static bool IsOdd(PlainPacket packet) => packet.IpOptions.Length != 0 || (!packet.IsV6 && (packet.Fragment & 0xbfff) != 0);

    static bool IsMergeable(PlainPacket packet) => packet.Payload.Length > 0
        && (packet.IsTcp ? (packet.Flags & ~(PlainPacket.Psh | PlainPacket.Ece)) == PlainPacket.Ack : !packet.ZeroChecksum);

    static bool Fits(IReadOnlyList<(PlainPacket Packet, bool Right)> batch, List<int> group, int index)
    {
        var (packet, right) = batch[index];
        var (first, firstRight) = batch[group[0]];
        var bytes = group.Sum(i => batch[i].Packet.Payload.Length);
        if (!right || !firstRight || packet.Payload.Length > first.Payload.Length || first.HeaderLength + bytes + packet.Payload.Length > 65535)
            return false;
        if (packet.TrafficClass != first.TrafficClass || packet.HopLimit != first.HopLimit)
            return false;
        if (packet.IsV6 ? packet.FlowLabel != first.FlowLabel : packet.Fragment != first.Fragment)
            return false;
        if (!packet.IsV6 && packet.Fragment == 0 && packet.Identification != (ushort)(first.Identification + group.Count))
            return false;
        if (!packet.IsTcp)
            return group.Count < 64;
        return packet.Sequence == first.Sequence + (uint)bytes
            && packet.Acknowledgement == first.Acknowledgement
            && packet.Window == first.Window
            && packet.Urgent == first.Urgent
            && packet.Reserved == first.Reserved
            && (packet.Flags | PlainPacket.Psh) == (first.Flags | PlainPacket.Psh)
            && packet.TcpOptions.SequenceEqual(first.TcpOptions);
    }
}
